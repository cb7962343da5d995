\ir ../callers.psql
select plan(7);

call tests.act_as('power_agent');
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset

call tests.act_as('system_architect');
select is(
  (update_subsystem_requirements('power', '{"hours": 4}', 'system_architect', execution_id => 'run-2')).version,
  1,
  'requirements come from outside, whoever works on the subsystem'
);
select throws_ok(
  format($$select update_subsystem_requirements('power', '{}', 'system_architect', fencing_token => %s)$$, :token),
  'PT409', 'lease_lost', 'the token of another agent is refused nevertheless'
);
select throws_ok(
  $$select update_subsystem_requirements('power', '{}', 'power_agent')$$,
  'PT403', 'agent_mismatch', 'a token that names an agent speaks for no other'
);
select throws_ok(
  $$select update_subsystem_requirements('power', '[]', 'system_architect')$$,
  'PT400', 'invalid_argument', 'a list is no document'
);
call tests.act_as_nobody();
select throws_ok(
  $$select update_subsystem_requirements('power', '{}', 'power_agent')$$, '42501', null, 'the anonymous role may not'
);

call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as('power_agent');
select throws_ok(
  format($$select update_subsystem_requirements('power', '{}', 'power_agent', fencing_token => %s)$$, :token),
  'PT409', 'lease_lost', 'nor the holder with a token that has lapsed'
);
select is((select count(*) from subsystem_requirements), 1::bigint, 'only the first was published');

select * from finish();
rollback;

\ir ../callers.psql
select plan(7);

call tests.act_as('power_agent');
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select is(
  (update_subsystem_interfaces('power', '{"volts": 24}', 'power_agent', fencing_token => :token)).version,
  1,
  'the token is enough'
);
select throws_ok(
  $$select update_subsystem_interfaces('power', '{}', 'power_agent', execution_id => 'run-2')$$,
  'PT423', 'resource_locked', 'another execution does not'
);
select throws_ok(
  $$select update_subsystem_interfaces('power', '{}', 'shell_agent', execution_id => 'run-1')$$,
  'PT403', 'agent_mismatch', 'a token that names an agent speaks for no other'
);
call tests.act_as('shell_agent');
select throws_ok(
  format($$select update_subsystem_interfaces('power', '{}', 'shell_agent', fencing_token => %s)$$, :token),
  'PT409', 'lease_lost', 'another agent does not with the token'
);
call tests.act_as_nobody();
select throws_ok(
  $$select update_subsystem_interfaces('power', '{}', 'power_agent')$$,
  '42501', null, 'the anonymous role may not'
);

call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as('power_agent');
select throws_ok(
  format($$select update_subsystem_interfaces('power', '{}', 'power_agent', fencing_token => %s)$$, :token),
  'PT409', 'lease_lost', 'nor the holder after its lease has lapsed'
);
select is((select count(*) from subsystem_interfaces), 1::bigint, 'only the first was published');

select * from finish();
rollback;

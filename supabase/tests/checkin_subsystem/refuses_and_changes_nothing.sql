\ir ../callers.psql
select plan(12);

call tests.act_as('power_agent');
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select throws_ok(
  format($$select checkin_subsystem('power', %L, 'run-1', %s, %L, '{}', strict => true)$$, b.agent, b.token, b.status),
  b.sqlstate, b.slug, b.description
) from (values
  ('power_agent', '99', '{}', 'PT409', 'lease_lost', 'the token of another lease'),
  ('power_agent', 'null', '{}', 'PT400', 'invalid_argument', 'no token'),
  ('power_agent', :'token', '{"version": 9}', 'PT409', 'stale_version', 'a status that is not the latest'),
  ('power_agent', :'token', '{"current_mass_kg": 9}', 'PT409', 'over_budget', 'more than its budget, if strict'),
  ('power_agent', :'token', '[]', 'PT400', 'invalid_argument', 'a list for a status'),
  ('shell_agent', :'token', '{}', 'PT403', 'agent_mismatch', 'the name of another agent')
) as b (agent, token, status, sqlstate, slug, description);
call tests.act_as('shell_agent');
select throws_ok(
  format($$select checkin_subsystem('power', 'shell_agent', 'run-1', %s)$$, :token),
  'PT409', 'lease_lost', 'another agent that knows the token'
);
call tests.act_as_nobody();
select throws_ok($$select checkin_subsystem('power', 'a', 'run-1', 1)$$, '42501', null, 'the anonymous role');

call tests.act_as('power_agent');
select is((select fencing_token from agent_locks), :token::bigint, 'the lease is kept');
call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as('power_agent');
select throws_ok(
  format($$select checkin_subsystem('power', 'power_agent', 'run-1', %s)$$, :token),
  'PT409', 'lease_lost', 'until it has lapsed'
);
select is((select version from subsystems where name = 'power'), 1::bigint, 'the status is as it was');
select is_empty('select * from subsystem_interfaces', 'and nothing was published');

select * from finish();
rollback;

\ir ../callers.psql
select plan(12);

call tests.act_as('power_agent');
select throws_ok(
  format($$select update_subsystem_status('power', %L, 'run-1')$$, b.status), b.sqlstate, b.slug, b.description
) from (values
  ('{"version": 2}', 'PT409', 'stale_version', 'a version that is not the latest'),
  ('{"current_mass_kg": "7"}', 'PT400', 'invalid_argument', 'a text where a mass belongs'),
  ('{"current_cost_usd": 1000000000000}', 'PT400', 'invalid_argument', 'a cost of 1e12'),
  ('{"iteration": 1.5}', 'PT400', 'invalid_argument', 'half an iteration'),
  ('{"name": "shell"}', 'PT400', 'invalid_argument', 'the status of another subsystem'),
  ('[]', 'PT400', 'invalid_argument', 'no object')
) as b (status, sqlstate, slug, description);

select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select throws_ok(
  $$select update_subsystem_status('power', '{}', 'run-2')$$, 'PT423', 'resource_locked', 'a write beside the lease'
);
call tests.act_as('shell_agent');
select throws_ok(
  format($$select update_subsystem_status('power', '{}', 'run-1', %s)$$, :token),
  'PT409', 'lease_lost', 'another agent that knows the token and the execution'
);
call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as('power_agent');
select throws_ok(
  format($$select update_subsystem_status('power', '{}', 'run-1', %s)$$, :token),
  'PT409', 'lease_lost', 'the holder after its lease has lapsed'
);
call tests.act_as_nobody();
select throws_ok($$select update_subsystem_status('power', '{}', 'run-1')$$, '42501', null, 'the anonymous role');

call tests.act_as('power_agent');
select is((select version from subsystems where name = 'power'), 1::bigint, 'and the row is as it was');
select is_empty($$select * from agent_activity_logs where activity = 'status_updated'$$, 'and nothing was logged');

select * from finish();
rollback;

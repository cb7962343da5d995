\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap';

call tests.act_as('power_agent');
select is_empty($$select * from release_lock('subsystem', 'power', 'run-1')$$, 'nothing says that it had lapsed');
select is_empty('select * from agent_locks', 'its row is gone');
select results_eq(
  $$select agent_name, execution_id, details ->> 'resource_name', details -> 'fencing_token'
    from agent_activity_logs where activity = 'lock_lost'$$,
  $$values ('power_agent', 'run-1', 'power', '1'::jsonb)$$,
  'and the log says who lost it'
);

select * from finish();
rollback;

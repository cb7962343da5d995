\ir ../callers.psql
select plan(6);

call tests.act_as('power_agent');
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
call tests.act_as('power_agent', 'pgtap-other');
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace in ('pgtap', 'pgtap-other');

call tests.act_as_nobody();
select throws_ok('select cleanup_expired_locks()', '42501', null, 'the anonymous role may not ask');
call tests.act_as_operator();
select is(cleanup_expired_locks(), 1, 'through the API it works on the workspace of its caller');
call tests.act_as_owner();
select results_eq(
  $$select workspace from agent_locks where workspace in ('pgtap', 'pgtap-other')$$,
  array['pgtap-other'],
  'the other one is as it was'
);
-- Leases of others may have lapsed as well.
select cmp_ok(cleanup_expired_locks(), '>=', 1, 'from psql it works on all');
select is_empty($$select * from agent_locks where workspace = 'pgtap-other'$$, 'also on the other one');
select results_eq(
  $$select workspace from agent_activity_logs
    where activity = 'lock_lost' and workspace in ('pgtap', 'pgtap-other') order by 1$$,
  array['pgtap', 'pgtap-other'],
  'each loss is logged where it was'
);

select * from finish();
rollback;

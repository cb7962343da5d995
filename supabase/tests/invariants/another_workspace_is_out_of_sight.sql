\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent', 'pgtap-other');
select lives_ok(
  $$select * from acquire_lock('subsystem', 'power', 'power_agent', 'run-1');
    select * from log_conflict('high', 'power_agent', 'shell', 'the battery is too wide')$$,
  'an agent works in its workspace'
);

call tests.act_as('power_agent');
select is_empty(
  $$select workspace from subsystems where workspace <> 'pgtap'
    union all select workspace from agent_locks
    union all select workspace from conflicts
    union all select workspace from agent_activity_logs where workspace <> 'pgtap'
    union all select workspace from global_constraints where workspace <> 'pgtap'$$,
  'an agent of another one sees nothing of it'
);

call tests.act_as_nobody();
select throws_ok('select * from subsystems', '42501', null, 'and the anonymous role sees no table at all');

select * from finish();
rollback;

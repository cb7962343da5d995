\ir ../callers.psql
select plan(6);

call tests.act_as('power_agent');
select to_jsonb(l) as lease
from acquire_lock(
  'subsystem', 'power', 'power_agent', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
) as l \gset
prepare again as select to_jsonb(l) from acquire_lock(
  'subsystem', 'power', 'power_agent', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
) as l;

select results_eq('again', array[:'lease'::jsonb], 'the same request id gets the same lease');
select results_eq(
  'select to_jsonb(l) from agent_locks as l', array[:'lease'::jsonb], 'which is as it was, with its first token'
);
select throws_ok(
  $$select * from acquire_lock(
    'subsystem', 'shell', 'power_agent', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
  )$$,
  'PT409', 'request_id_reused', 'other arguments need another request id'
);
select throws_ok(
  $$select log_agent_activity('power_agent', 'sized', request_id => '00000000-0000-0000-0000-000000000001')$$,
  'PT409', 'request_id_reused', 'and so does another function'
);
select release_lock('subsystem', 'power', 'run-1') is not null as released \gset
select is_empty('again', 'a lease that has ended is not shown');
select is_empty('select * from agent_locks', 'nor taken once more');

select * from finish();
rollback;

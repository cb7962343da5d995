\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
prepare release as select to_jsonb(e) from release_execution('run-1', '00000000-0000-0000-0000-000000000001') as e;
select to_jsonb(e) as first from release_execution('run-1', '00000000-0000-0000-0000-000000000001') as e \gset
select to_jsonb(l) as second from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') as l \gset

select results_eq('release', array[:'first'::jsonb], 'the same request id gets its first answer');
select is((select to_jsonb(l) from agent_locks as l), :'second'::jsonb, 'and does not end the next lease');
select throws_ok(
  $$select release_execution('run-2', '00000000-0000-0000-0000-000000000001')$$, 'PT409', 'request_id_reused',
  'another execution needs another request id'
);

select * from finish();
rollback;

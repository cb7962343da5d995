\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent');
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
prepare release as select to_jsonb(l) from release_lock(
  'subsystem', 'power', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
) as l;
select to_jsonb(l) as first from release_lock(
  'subsystem', 'power', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
) as l \gset
select to_jsonb(l) as second from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') as l \gset

select results_eq('release', array[:'first'::jsonb], 'the same request id gets its first answer');
select is((select to_jsonb(l) from agent_locks as l), :'second'::jsonb, 'and does not end the next lease');
select throws_ok(
  $$select * from release_lock('subsystem', 'power', 'run-1', 2, '00000000-0000-0000-0000-000000000001')$$,
  'PT409', 'request_id_reused', 'another token needs another request id'
);
select is((select to_jsonb(l) from agent_locks as l), :'second'::jsonb, 'and was not released');

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent');
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
prepare renew as select to_jsonb(l) from renew_lock(
  'subsystem', 'power', 'run-1', 1, 600, '00000000-0000-0000-0000-000000000001'
) as l;
select to_jsonb(l) as first
from renew_lock('subsystem', 'power', 'run-1', 1, 600, '00000000-0000-0000-0000-000000000001') as l \gset
select to_jsonb(l) as second from renew_lock('subsystem', 'power', 'run-1', 1, 60) as l \gset

select results_eq('renew', array[:'first'::jsonb], 'the same request id gets its first answer');
select is((select to_jsonb(l) from agent_locks as l), :'second'::jsonb, 'and does not undo what came later');
select throws_ok(
  $$select renew_lock('subsystem', 'power', 'run-1', 1, 60, '00000000-0000-0000-0000-000000000001')$$,
  'PT409', 'request_id_reused', 'another time to live needs another request id'
);
select is((select to_jsonb(l) from agent_locks as l), :'second'::jsonb, 'and was not given');

select * from finish();
rollback;

\ir ../callers.psql
select plan(6);

call tests.act_as_operator();
prepare force(text) as select to_jsonb(l) from force_release_lock(
  'subsystem', 'power', 'operator', 'its machine is gone', ('00000000-0000-0000-0000-00000000000' || $1)::uuid
) as l;
select is_empty('execute force(1)', 'nobody holds it');

select to_jsonb(l) as first from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') as l \gset
select is_empty('execute force(1)', 'the same request id gets its first answer, and does not end a later lease');
select results_eq('execute force(2)', array[:'first'::jsonb], 'another one ends it');

select to_jsonb(l) as second from acquire_lock('subsystem', 'power', 'power_agent', 'run-2') as l \gset
select results_eq('execute force(2)', array[:'first'::jsonb], 'and gets its first answer, too');
select is(
  (select to_jsonb(l) from agent_locks as l where l.workspace = 'pgtap'), :'second'::jsonb, 'the last is held'
);
select throws_ok(
  $$select * from force_release_lock(
    'subsystem', 'power', 'operator', 'to be sure', '00000000-0000-0000-0000-000000000002'
  )$$,
  'PT409', 'request_id_reused', 'another reason needs another request id'
);

select * from finish();
rollback;

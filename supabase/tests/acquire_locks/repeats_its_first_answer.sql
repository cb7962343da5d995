\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
prepare ask(text[]) as select to_jsonb(l) from acquire_locks(
  (select jsonb_agg(jsonb_build_object('resource_type', 'subsystem', 'resource_name', n)) from unnest($1) as n),
  'power_agent', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
) as l;
create temporary table first as execute ask(array['power', 'shell']);

select bag_eq(
  $$execute ask(array['shell', 'power'])$$, 'select * from first', 'the same request id gets its leases, in any order'
);
select bag_eq('select to_jsonb(l) from agent_locks as l', 'select * from first', 'which are as they were');
select throws_ok(
  $$execute ask(array['shell'])$$, 'PT409', 'request_id_reused', 'fewer of them need another request id'
);
select release_lock('subsystem', 'shell', 'run-1') is not null as released \gset
select is_empty($$execute ask(array['power', 'shell'])$$, 'when one has ended the set is not shown');
select results_eq('select resource_name from agent_locks', array['power'], 'and nothing is taken once more');

select * from finish();
rollback;

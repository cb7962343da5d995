\ir ../callers.psql
select plan(5);

call tests.act_as_operator();
prepare again as select to_jsonb(w)
from init_workspace('pgtap-new', request_id => '00000000-0000-0000-0000-000000000001') as w;
select to_jsonb(w) as first
from init_workspace('pgtap-new', request_id => '00000000-0000-0000-0000-000000000001') as w \gset
call tests.act_as('power_agent', 'pgtap-new');
select log_conflict('low', 'power_agent', 'shell', 'too wide') is not null as ready \gset
call tests.act_as_owner();
delete from subsystems where workspace = 'pgtap-new' and name = 'shell';

call tests.act_as_operator();
select results_eq('again', array[:'first'::jsonb], 'the same request id gets its first answer');
select is_empty(
  $$select * from subsystems where workspace = 'pgtap-new' and name = 'shell'$$, 'and fills in nothing'
);
select throws_ok(
  $$select init_workspace('pgtap-new', false, '00000000-0000-0000-0000-000000000001')$$,
  'PT409', 'request_id_reused', 'other arguments need another request id'
);
select is((init_workspace('pgtap-new')).last_conflict_id, 1::bigint, 'without one it is answered as it is now');
select is(
  (select count(*) from subsystems where workspace = 'pgtap-new' and name = 'shell'), 1::bigint, 'and filled in'
);

select * from finish();
rollback;

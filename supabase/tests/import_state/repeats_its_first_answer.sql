\ir ../callers.psql
select plan(5);

call tests.act_as_operator();
prepare import(text) as select section, imported, unchanged, refused from import_state(
  '{"format": "sharedstate/1", "subsystems": [{"name": "gripper", "state": "complete"}]}',
  ('00000000-0000-0000-0000-00000000000' || $1)::uuid
) where section = 'subsystems';
select results_eq('execute import(1)', $$values ('subsystems', 1, 0, 0)$$, 'it is imported');
call tests.act_as_owner();
delete from subsystems where workspace = 'pgtap' and name = 'gripper';

call tests.act_as_operator();
select results_eq(
  'execute import(1)', $$values ('subsystems', 1, 0, 0)$$, 'the same request id gets its first answer'
);
select is_empty(
  $$select * from subsystems where workspace in ('pgtap', 'pgtap-other') and name = 'gripper'$$,
  'and imports nothing, nor did it elsewhere'
);
select throws_ok(
  $$select * from import_state('{"format": "sharedstate/1"}', '00000000-0000-0000-0000-000000000001')$$,
  'PT409', 'request_id_reused', 'another document needs another request id'
);
select results_eq('execute import(2)', $$values ('subsystems', 1, 0, 0)$$, 'with another one it is imported again');

select * from finish();
rollback;

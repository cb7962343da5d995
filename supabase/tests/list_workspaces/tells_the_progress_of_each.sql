\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select count(update_subsystem_status(n, '{"state": "complete"}', 'run-1')) as completed
from unnest(array['power', 'shell', 'gripper']) as n \gset
select count(log_conflict('low', 'power', 'shell', d)) as opened from unnest(array['wide', 'hot', 'loud']) as d \gset
select resolve_conflict(2, 'cooled', 'shell') is not null as resolved \gset

call tests.act_as_operator();
select results_eq(
  $$select name, subsystems, complete, open_conflicts from list_workspaces() where name like 'pgtap%'$$,
  $$values ('pgtap', 8::bigint, 3::bigint, 2::bigint), ('pgtap-other', 7, 0, 0)$$,
  'each has its counts, the oldest first'
);
select to_jsonb(w) as made from init_workspace('pgtap-bare', false) as w \gset
select results_eq(
  $$select created_at, subsystems, complete, open_conflicts from list_workspaces() where name = 'pgtap-bare'$$,
  format($$values (%L::timestamptz, 0::bigint, 0::bigint, 0::bigint)$$, :'made'::jsonb ->> 'created_at'),
  'an empty one is there, too'
);
call tests.act_as_operator('pgtap-other');
select is(
  (select count(*) from list_workspaces() where name in ('pgtap', 'pgtap-other', 'pgtap-bare')), 3::bigint,
  'whatever workspace the operator is in'
);
call tests.act_as_operator_of('pgtap-other');
select results_eq(
  'select name from list_workspaces()', $$values ('pgtap-other')$$, 'a token that names one shows that one'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as_operator();
select results_eq(
  $$select name, last_conflict_id from init_workspace('pgtap-new', false)$$,
  $$values ('pgtap-new', 0::bigint)$$,
  'without defaults there is a workspace as well'
);
select is_empty(
  $$select workspace from subsystems where workspace = 'pgtap-new'
    union all select workspace from global_constraints where workspace = 'pgtap-new'
    union all select workspace from agent_activity_logs where workspace = 'pgtap-new'$$,
  'with nothing in it'
);
call tests.act_as('power_agent', 'pgtap-new');
select is(
  (log_conflict('low', 'power_agent', 'shell', 'too wide')).conflict_id, 1::bigint, 'agents can work there'
);
call tests.act_as_operator();
select to_jsonb(w) as filled from init_workspace('pgtap-new') as w \gset
select is(
  (select count(*) from subsystems where workspace = 'pgtap-new'), 7::bigint, 'and the defaults can be filled in later'
);

select * from finish();
rollback;

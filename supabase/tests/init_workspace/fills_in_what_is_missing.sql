\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent');
select to_jsonb(s) as power from update_subsystem_status('power', '{"state": "complete"}', 'run-1') as s \gset
select to_jsonb(g) as ready from update_global_constraints('{"height_m": 1.8}', 'power_agent') as g \gset
call tests.act_as_owner();
select created_at as made from core.workspaces where name = 'pgtap' \gset
delete from subsystems where workspace = 'pgtap' and name in ('shell', 'skeleton');

call tests.act_as_operator();
select results_eq(
  $$select name, created_at from init_workspace('pgtap')$$, format($$values ('pgtap', %L::timestamptz)$$, :'made'),
  'one that is there is answered as it is'
);
select results_eq(
  $$select name, state from subsystems where workspace = 'pgtap' and name in ('shell', 'skeleton') order by name$$,
  $$values ('shell', 'not_started'), ('skeleton', 'not_started')$$,
  'what is missing is filled in'
);
select results_eq(
  $$select to_jsonb(s), g.version, g.height_m from subsystems as s inner join global_constraints as g using (workspace)
    where s.workspace = 'pgtap' and s.name = 'power' order by g.version$$,
  format($$values (%1$L::jsonb, 1, 1.75), (%1$L, 2, 1.8)$$, :'power'),
  'what is there stays as it is'
);
select to_jsonb(w) as again from init_workspace('pgtap') as w \gset
select is(
  (
    select count(*) from agent_activity_logs
    where workspace = 'pgtap' and activity = 'workspace_initialized'
  ),
  2::bigint,
  'and where nothing was missing nothing was logged'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as_operator();
select results_eq(
  $$select name, last_conflict_id from init_workspace('pgtap-new')$$,
  $$values ('pgtap-new', 0::bigint)$$,
  'it answers with the workspace'
);
select set_eq(
  $$select name, state, version from subsystems where workspace = 'pgtap-new'$$,
  $$select n, 'not_started', 1::bigint
    from unnest(array[
      'actuation', 'integration', 'power', 'sensing', 'shell', 'skeleton', 'system_architect'
    ]) as n$$,
  'it has the subsystems of a robot, none of them begun'
);
select results_eq(
  $$select g.version, g.created_by, sum((b.value ->> 'mass_kg')::numeric) = g.total_mass_kg_max,
      sum((b.value ->> 'cost_usd')::numeric) = g.total_cost_usd_max
    from global_constraints as g, jsonb_each(g.budget_allocations) as b
    where g.workspace = 'pgtap-new' group by g.workspace, g.version$$,
  $$values (1, 'init', true, true)$$,
  'and budgets that share out the whole mass and cost'
);
select results_eq(
  $$select agent_name, activity from agent_activity_logs where workspace = 'pgtap-new'$$,
  $$values ('init', 'workspace_initialized')$$,
  'the log begins with it'
);

select * from finish();
rollback;

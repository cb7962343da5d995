\ir ../callers.psql
select plan(4);

call tests.act_as('system_architect');
select update_global_constraints(
  jsonb_build_object('height_m', 1.8, 'paint', 'red', 'budget_allocations', (
    select budget_allocations - 'reserve' || '{"power": {"mass_kg": 7, "cost_usd": 2000, "power_w": 50}}'
    from global_constraints
  )),
  'system_architect'
) is not null as ready \gset

select results_eq(
  $$select * from diff_global_constraints(1, 2)$$,
  $$values
    ('/budget_allocations/power/mass_kg', 'changed', '8'::jsonb, '7'::jsonb),
    ('/budget_allocations/reserve', 'removed', '{"mass_kg": 2, "cost_usd": 500}', null),
    ('/height_m', 'changed', '1.75', '1.8'),
    ('/metadata/paint', 'added', null, '"red"')$$,
  'each part has its JSON pointer and both values, and who wrote it is no part'
);
select results_eq(
  $$select change from diff_global_constraints(2, 1) where path = '/metadata/paint'$$,
  $$values ('removed')$$,
  'backwards, what was added is removed'
);
select is_empty($$select * from diff_global_constraints(2, 2)$$, 'a version does not differ from itself');
select results_eq(
  $$select change, old, new from diff_global_constraints(0, 1) where path = '/budget_allocations/shell'$$,
  $$values ('added', null::jsonb, '{"mass_kg": 5, "cost_usd": 1000}'::jsonb)$$,
  'version 0 has no budget'
);

select * from finish();
rollback;

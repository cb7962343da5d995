\ir ../callers.psql
select plan(8);

call tests.act_as_any_agent();
select update_subsystem_status('skeleton', '{"current_mass_kg": 16.5}', 'run-1') is not null as ready \gset

select throws_ok(
  format(
    $$select resolve_conflict(1, 'thinner', 'system_architect', '{"from_subsystem": "reserve", %s}')$$, c.rest
  ),
  c.sqlstate, c.slug, c.description
) from (values
  ('"to_subsystem": "skeleton", "mass_kg": 2.1', 'PT409', 'over_budget', 'more than there is'),
  ('"to_subsystem": "skeleton"', 'PT400', 'invalid_argument', 'nothing'),
  ('"to_subsystem": "reserve", "mass_kg": 1', 'PT400', 'invalid_argument', 'to where it comes from'),
  ('"to_subsystem": "skeleton", "mass": 1', 'PT400', 'invalid_argument', 'of an unknown quantity')
) as c (rest, sqlstate, slug, description);
select results_eq(
  'select c.status, max(g.version) from conflicts as c, global_constraints as g group by c.status',
  $$values ('open', 1)$$,
  'the conflict is open, and no budget was moved'
);

select resolve_conflict(
  1, 'thinner', 'system_architect', '{"from_subsystem": "reserve", "to_subsystem": "skeleton", "mass_kg": 1}'
) is not null as ready \gset
select results_eq(
  $$select budget_allocations -> 'reserve' -> 'mass_kg', budget_allocations -> 'skeleton' -> 'mass_kg', created_by
    from global_constraints where version = 2$$,
  $$values ('1'::jsonb, '16'::jsonb, 'system_architect')$$,
  'what is possible is moved'
);
select results_eq(
  $$select conflict_id, details #> '{overruns,mass_kg,over}' from get_active_conflicts()$$,
  $$values (2::bigint, '0.5'::jsonb)$$,
  'as it was not enough, the next conflict is open'
);
select results_eq(
  $$select event, details #> '{budget_transfer,mass_kg}' from get_conflict_history(1) offset 1$$,
  $$values ('resolved', '1'::jsonb)$$,
  'and the first is resolved, with the transfer in its history'
);

select * from finish();
rollback;

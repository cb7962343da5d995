\ir ../callers.psql
select plan(11);

call tests.act_as('system_architect');
select lives_ok(
  $$select * from reserve_budget('power', 'system_architect', 'run-1', mass_kg => 4)$$, 'somebody holds 4 of 8 kg'
);
select throws_ok(
  format($$select update_global_constraints(%L, %L)$$, b.constraints, b.created_by), b.sqlstate, b.slug, b.description
) from (values
  ('{"total_mass_kg_max": 44}', 'system_architect', 'PT409', 'over_budget', 'a total below what is allocated'),
  ('{"budget_allocations": {"power": {"mass_kg": 45.1}}}', 'system_architect', 'PT409', 'over_budget', 'more than it'),
  ('{"budget_allocations": {"power": {"mass_kg": 3}}}', 'system_architect', 'PT409', 'over_budget', 'less than held'),
  ('{"budget_allocations": {}}', 'system_architect', 'PT409', 'over_budget', 'nothing of what is held'),
  ('{"budget_allocations": {"power": 3}}', 'system_architect', 'PT400', 'invalid_argument', 'a number for a budget'),
  ('{"height_m": -1}', 'system_architect', 'PT400', 'invalid_argument', 'a height below 0'),
  ('{"height_m": 1.8}', 'power_agent', 'PT403', 'agent_mismatch', 'the name of another agent')
) as b (constraints, created_by, sqlstate, slug, description);
call tests.act_as_nobody();
select throws_ok(
  $$select update_global_constraints('{}', 'system_architect')$$, '42501', null, 'the anonymous role'
);

call tests.act_as('system_architect');
select is((select max(version) from global_constraints), 1, 'and there is no new version');
select is(
  (
    update_global_constraints('{"budget_allocations": {"power": {"mass_kg": 4}}}', 'system_architect')
  ).version,
  2,
  'as much as is held may be left'
);

select * from finish();
rollback;

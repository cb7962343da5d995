\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select results_eq(
  'select workspace, name from system_status',
  $$select 'pgtap', n.name from unnest(array[
      'actuation', 'integration', 'power', 'sensing', 'shell', 'skeleton', 'system_architect'
    ]) as n (name)$$,
  'each subsystem once, by name, and no other workspace'
);
select version, updated_at from update_subsystem_status(
  'actuation',
  '{"state": "complete", "current_mass_kg": 11.5, "current_cost_usd": 5000, "current_power_w": 700, "iteration": 2}',
  'run-1'
) \gset
select results_eq(
  $$select state, current_mass_kg, budget_mass_kg, current_cost_usd, budget_cost_usd, current_power_w, budget_power_w,
      within_budget, iteration, version, updated_at
    from system_status where name = 'actuation'$$,
  format(
    $$values ('complete', 11.5, 12::numeric, 5000::numeric, 6000::numeric, 700::numeric, 800::numeric, true, 2,
        %L::bigint, %L::timestamptz)$$,
    :'version', :'updated_at'
  ),
  'what it uses beside what it may'
);
select transfer_budget('reserve', 'actuation', 1, 0, 0, 'a bigger knee', 'system_architect') is not null as ready \gset
select is(
  (select budget_mass_kg from system_status where name = 'actuation'), 13::numeric, 'the budget is that of now'
);
select results_eq(
  $$select budget_mass_kg, budget_power_w from system_status where name in ('integration', 'shell') order by name$$,
  'values (null::numeric, null::numeric), (5, null)',
  'none where nothing is allocated'
);
call tests.act_as_nobody();
select throws_ok('select * from system_status', '42501', null, 'the anonymous role does not see it');

select * from finish();
rollback;

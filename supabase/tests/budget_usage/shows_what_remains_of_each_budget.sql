\ir ../callers.psql
select plan(5);

call tests.act_as('power_agent');
select is((select count(*) from budget_usage), 18::bigint, 'each budget has a row for each of its quantities');
select update_subsystem_status('power', '{"current_mass_kg": 6}', 'run-1') is not null as ready \gset
select update_subsystem_status('shell', '{"current_cost_usd": 1500, "current_power_w": 5}', 'run-1')
  is not null as ready \gset
select mass_kg from reserve_budget('power', 'power_agent', 'run-1', 1.5) \gset
select mass_kg from reserve_budget('reserve', 'power_agent', 'run-1', 1.5) \gset
select results_eq(
  $$select scope, name, quantity, allocated, used, held, remaining, share from budget_usage
    where used + held > 0 and quantity in ('mass_kg', 'cost_usd')$$,
  $$values
    ('reserve', 'reserve', 'mass_kg', 2::numeric, 0::numeric, 1.5, 0.5, 0::numeric),
    ('robot', 'robot', 'cost_usd', 15000, 1500, 0, 13500, 0.1),
    ('robot', 'robot', 'mass_kg', 45, 6, 3, 36, 0.1333),
    ('subsystem', 'power', 'mass_kg', 8, 6, 1.5, 0.5, 0.75),
    ('subsystem', 'shell', 'cost_usd', 1000, 1500, 0, -500, 1.5)$$,
  'used and held come off what remains, below 0 after an overrun'
);
select results_eq(
  $$select name, allocated, remaining, share from budget_usage where quantity = 'power_w' and used > 0$$,
  $$values ('robot', 900::numeric, 895::numeric, 0.0056), ('shell', null, null, null)$$,
  'what is used without an allocation has no limit; the robot has the sum of the allocations'
);

call tests.act_as_owner();
update budget_reservations set expires_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as('power_agent');
select is((select sum(held) from budget_usage), 0::numeric, 'what has ended holds nothing');
select update_global_constraints('{"budget_allocations": {"power": {"mass_kg": 9}}}', 'power_agent')
  is not null as ready \gset
select results_eq(
  $$select name, quantity, allocated from budget_usage where scope <> 'robot' and allocated is not null$$,
  $$values ('power', 'mass_kg', 9::numeric)$$, 'only the latest allocations count'
);

select * from finish();
rollback;

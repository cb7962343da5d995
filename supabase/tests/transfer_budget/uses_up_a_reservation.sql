\ir ../callers.psql
select plan(6);

call tests.act_as('shell_agent');
select reservation_id as named from reserve_budget('reserve', 'shell_agent', 'run-1', mass_kg => 1) \gset
select reservation_id as other from reserve_budget('reserve', 'shell_agent', 'run-1', 1, 9) \gset

select throws_ok(
  format($$select transfer_budget('reserve', 'shell', 1, 0, 0, 'paint', 'shell_agent', %L, 'run-2')$$, :'named'),
  'PT409', 'reservation_lost', 'another execution cannot use it'
);
select throws_ok(
  format($$select transfer_budget('power', 'shell', 1, 0, 0, 'paint', 'shell_agent', %L, 'run-1')$$, :'named'),
  'PT409', 'reservation_lost', 'nor is it of another budget'
);
select is(
  (
    transfer_budget('reserve', 'shell', 0.5, 0, 0, 'paint', 'shell_agent', :'named', 'run-1')
  ).budget_allocations -> 'reserve' -> 'mass_kg',
  '1.5'::jsonb,
  'its execution moves a part of it'
);
select results_eq(
  'select reservation_id, mass_kg, cost_usd from budget_reservations',
  format($$values (%L::uuid, 1::numeric, 9::numeric)$$, :'other'),
  'with that it has ended as a whole, and the other is as it was'
);
select throws_ok(
  format($$select transfer_budget('reserve', 'shell', 0.5, 0, 0, 'paint', 'shell_agent', %L, 'run-1')$$, :'named'),
  'PT409', 'reservation_lost', 'once'
);
select transfer_budget('reserve', 'shell', 1, 0, 0, 'paint', 'shell_agent', null, 'run-1') is not null as ready \gset
select results_eq(
  'select mass_kg, cost_usd from budget_reservations', 'values (0::numeric, 9::numeric)',
  'without a name, what the execution holds is spent by the amount that is moved'
);

select * from finish();
rollback;

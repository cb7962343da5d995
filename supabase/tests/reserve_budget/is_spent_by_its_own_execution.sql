\ir ../callers.psql
select plan(6);

call tests.act_as('power_agent');
select lives_ok($$select * from reserve_budget('power', 'power_agent', 'run-1', mass_kg => 6)$$, '6 of 8 kg are held');
select throws_ok(
  $$select update_subsystem_status('power', '{"current_mass_kg": 2.5}', 'run-2', strict => true)$$,
  'PT409', 'over_budget', 'a strict status of another execution leaves them alone'
);
select update_subsystem_status('power', '{"current_mass_kg": 2}', 'run-2', strict => true) is not null as ready \gset
select is((select mass_kg from budget_reservations), 6::numeric, 'what remains beside them it may use');

select update_subsystem_status('power', '{"current_mass_kg": 7}', 'run-1', strict => true) is not null as ready \gset
select is((select mass_kg from budget_reservations), 1::numeric, 'the 5 kg that its own execution uses are spent');
select update_subsystem_status('power', '{"current_mass_kg": 4}', 'run-1') is not null as ready \gset
select is((select mass_kg from budget_reservations), 1::numeric, 'to use less gives nothing back');
select update_subsystem_status('power', '{"current_mass_kg": 5}', 'run-1') is not null as ready \gset
select is_empty('select * from budget_reservations', 'a reservation with nothing left in it is gone');

select * from finish();
rollback;

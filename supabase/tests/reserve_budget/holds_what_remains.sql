\ir ../callers.psql
select plan(7);

call tests.act_as('power_agent');
select update_subsystem_status('power', '{"current_mass_kg": 5}', 'run-1') is not null as ready \gset

select results_eq(
  $$select subsystem, mass_kg, cost_usd, power_w, agent_name, execution_id,
      extract(epoch from expires_at - reserved_at) between 59 and 60
    from reserve_budget('power', 'power_agent', 'run-1', mass_kg => 2, cost_usd => 100, ttl_seconds => 60)$$,
  $$values ('power', 2::numeric, 100::numeric, 0::numeric, 'power_agent', 'run-1', true)$$,
  'the row says what is held, for whom and for how long'
);
select is_empty(
  $$select * from reserve_budget('power', 'power_agent', 'run-1', mass_kg => 1.001)$$,
  'what is used and held cannot be held again, also by its own execution'
);
select is_empty(
  $$select * from reserve_budget('power', 'power_agent', 'run-2', mass_kg => 1, cost_usd => 1901)$$,
  'all of it remains, or nothing is held'
);
select is(
  (select mass_kg from reserve_budget('power', 'power_agent', 'run-2', mass_kg => 1)), 1::numeric, 'the last kg is'
);
select is_empty(
  $$select * from reserve_budget('shell', 'power_agent', 'run-1', power_w => 1)$$, 'what was never allocated cannot be'
);
select results_eq(
  $$select execution_id, (details ->> 'mass_kg')::numeric from agent_activity_logs
    where activity = 'budget_reserved' order by id$$,
  $$values ('run-1', 2::numeric), ('run-2', 1)$$,
  'each reservation is logged, and no refusal'
);
call tests.act_as('power_agent', 'pgtap-other');
select is(
  (select mass_kg from reserve_budget('power', 'power_agent', 'run-1', 8)), 8::numeric, 'another workspace has its own'
);

select * from finish();
rollback;

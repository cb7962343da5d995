\ir ../callers.psql
select plan(6);

call tests.act_as('system_architect');
select results_eq(
  $$select version, base_version, created_by, budget_allocations -> 'reserve', budget_allocations -> 'power'
    from transfer_budget('reserve', 'power', 0.5, 500, 0, 'a longer run', 'system_architect', execution_id => 'run-1')$$,
  $$values (2, 1, 'system_architect', '{"mass_kg": 1.5, "cost_usd": 0}'::jsonb,
      '{"mass_kg": 8.5, "cost_usd": 2500, "power_w": 50}'::jsonb)$$,
  'one has less and the other more; all of a quantity may be moved'
);
select is(
  (transfer_budget('power', 'shell', 0, 0, 20, 'a lamp', 'system_architect')).budget_allocations -> 'shell',
  '{"mass_kg": 5, "cost_usd": 1000, "power_w": 20}'::jsonb,
  'what had no allocation of a quantity has one from then on'
);
select results_eq(
  $$select sum((a.value ->> 'mass_kg')::numeric), sum((a.value ->> 'power_w')::numeric)
    from global_constraints as g, jsonb_each(g.budget_allocations) as a
    where g.version in (1, 3) group by g.version$$,
  $$values (45::numeric, 900::numeric), (45, 900)$$,
  'the sums are what they were'
);
select results_eq(
  $$select agent_name, execution_id, details from agent_activity_logs
    where activity = 'budget_transferred' order by id limit 1$$,
  $$values ('system_architect', 'run-1', '{
      "from_subsystem": "reserve", "to_subsystem": "power", "reason": "a longer run", "constraints_version": 2,
      "amounts": {"mass_kg": 0.5, "cost_usd": 500, "power_w": 0}
    }'::jsonb)$$,
  'the reason is logged'
);
select update_subsystem_status('shell', '{"current_mass_kg": 5}', 'run-1') is not null as ready \gset
select transfer_budget('shell', 'power', 1, reason => 'thinner', agent_name => 'system_architect') is not null as ready \gset
select is((select within_budget from subsystems where name = 'shell'), false, 'what is used may be moved away');
select is((select source_agent from conflicts where status = 'open'), 'shell', 'and is a conflict then');

select * from finish();
rollback;

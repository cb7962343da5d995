\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select update_subsystem_status('power', '{"current_mass_kg": 8}', 'run-1') is not null as ready \gset
select update_subsystem_status('shell', '{"current_mass_kg": 6}', 'run-1') is not null as ready \gset
select update_global_constraints(
  '{"budget_allocations": {"power": {"mass_kg": 7}, "shell": {"mass_kg": 6}}}', 'system_architect'
) is not null as ready \gset

select results_eq(
  $$select name, within_budget, version from subsystems where name in ('power', 'shell') order by name$$,
  $$values ('power', false, 2::bigint), ('shell', true, 2::bigint)$$,
  'who has less is over it, who has more is within it, and nobody wrote a status'
);
select results_eq(
  $$select source_agent, status from conflicts order by source_agent$$,
  $$values ('power', 'open'), ('shell', 'resolved')$$,
  'the conflicts follow'
);
select update_global_constraints('{"budget_allocations": {}}', 'system_architect') is not null as ready \gset
select is(
  (select array_agg(within_budget) from subsystems where name in ('power', 'shell')),
  array[true, true],
  'without a budget they share what the totals leave'
);
select is_empty($$select * from conflicts where status = 'open'$$, 'and no conflict');
select update_global_constraints('{"total_mass_kg_max": 13}', 'system_architect') is not null as ready \gset
select is(
  (select conflict_key from conflicts where status = 'open' and source_agent = 'robot'), 'sharedstate:totals',
  'which is a limit for all of them together'
);

select * from finish();
rollback;

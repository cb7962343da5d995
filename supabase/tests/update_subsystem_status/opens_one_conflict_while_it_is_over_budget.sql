\ir ../callers.psql
select plan(6);

call tests.act_as('power_agent');
select throws_ok(
  $$select update_subsystem_status('power', '{"current_mass_kg": 8.5}', 'run-1', strict => true)$$,
  'PT409', 'over_budget', 'a strict status over budget is refused'
);
select is_empty($$select * from conflicts$$, 'without a conflict');

select is(
  array[
    (update_subsystem_status('power', '{"current_mass_kg": 8}', 'run-1', strict => true)).within_budget,
    (update_subsystem_status('power', '{"current_mass_kg": 8.5}', 'run-1')).within_budget,
    (update_subsystem_status('power', '{"current_mass_kg": 9}', 'run-1')).within_budget
  ],
  array[true, false, false],
  'all of a budget is within it, more is over, and written unless strict'
);
select results_eq(
  $$select source_agent, target_agent, status, description from conflicts$$,
  $$values ('power', 'system_architect', 'open', 'power is over its budget: mass_kg 9 of 8')$$,
  'both overruns are one conflict, that tells the last'
);
select is(
  (update_subsystem_status('power', '{"current_mass_kg": 8}', 'run-1')).within_budget, true, 'less is within it again'
);
select results_eq(
  $$select conflict_id, status, resolved_by from conflicts$$, $$values (1::bigint, 'resolved', 'sharedstate')$$,
  'and the conflict is resolved'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(5);

call tests.act_as('system_architect');
select update_global_constraints('{"height_m": 1.8}', 'system_architect', 1) is not null as ready \gset

select results_eq(
  $$select version, base_version, merged, height_m, voltage_v
    from update_global_constraints('{"voltage_v": 24}', 'system_architect', base_version => 1)$$,
  $$values (3, 1, true, 1.8, 24::numeric)$$,
  'changes of different parts are put together'
);
select throws_ok(
  $$select update_global_constraints('{"height_m": 1.9}', 'system_architect', base_version => 1)$$,
  'PT409', 'stale_version', 'the same part is not changed twice'
);
select throws_ok(
  $$select update_global_constraints('{"total_mass_kg_max": 50}', 'system_architect', base_version => 4)$$,
  'PT404', 'unknown_version', 'nothing is made from a version that is not there'
);
select is(
  (update_global_constraints('{"height_m": 1.8}', 'system_architect', base_version => 1)).version,
  3,
  'what others have done already is answered with the latest version'
);
select results_eq(
  $$select agent_name, details from agent_activity_logs where activity = 'constraints_updated' order by id$$,
  $$values
    ('system_architect', '{"version": 2, "merged": false}'::jsonb),
    ('system_architect', '{"version": 3, "merged": true}')$$,
  'and not published again: the log tells of two versions'
);

select * from finish();
rollback;

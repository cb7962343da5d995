\ir ../callers.psql
select plan(4);

call tests.act_as_operator();
select bag_eq(
  $$select section, imported, unchanged, refused from import_state('{
    "format": "sharedstate/1",
    "global_constraints": [{"version": 1, "height_m": 2}],
    "subsystems": [{"name": "shell", "state": "complete"}, {"name": "gripper"}],
    "subsystem_designs": [
      {"subsystem_name": "shell", "version": 3, "design_data": {"walls": 3}},
      {"subsystem_name": "shell", "version": 1, "design_data": {"walls": 1}}
    ],
    "counters": {
      "last_conflict_id": 4, "fencing": [{"resource_type": "subsystem", "resource_name": "shell", "last_token": 7}]
    }
  }') where imported + unchanged + refused > 0$$,
  $$values
    ('global_constraints', 1, 0, 0), ('subsystems', 2, 0, 0), ('subsystem_designs', 1, 0, 1), ('counters', 2, 0, 0)$$,
  'what is new is imported, but no version that leaves a gap'
);
select set_eq(
  $$select name, state from subsystems where workspace = 'pgtap' and name in ('shell', 'gripper')$$,
  $$values ('shell', 'complete'), ('gripper', 'not_started')$$,
  'a status that nobody has touched gives way'
);
select results_eq(
  $$select version, height_m from global_constraints where workspace = 'pgtap'$$, $$values (1, 2::numeric)$$,
  'so do the constraints'
);
select results_eq(
  $$select fencing_token from acquire_lock('subsystem', 'shell', 'shell_agent', 'run-1')
    union all select conflict_id from log_conflict('low', 'power', 'shell', 'too wide')$$,
  array[8, 5]::bigint[],
  'and tokens and numbers go on behind those of the document'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select to_jsonb(s) as ready from update_subsystem_status('power', '{"state": "designing"}', 'run-1') as s \gset
select to_jsonb(g) as ready from update_global_constraints('{"height_m": 1.8}', 'power_agent') as g \gset
select to_jsonb(c) as ready from log_conflict('low', 'power', 'shell', 'too wide') as c \gset
select to_jsonb(l) as ready from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') as l \gset

call tests.act_as_operator();
select bag_eq(
  $$select section, imported, unchanged, refused from import_state('{
    "format": "sharedstate/1",
    "global_constraints": [{"version": 1, "height_m": 2}],
    "subsystems": [{"name": "power", "state": "complete"}, {"name": "sensing"}],
    "conflicts": [{
      "conflict_id": 1, "severity": "high", "source_agent": "power", "target_agent": "shell", "description": "too hot"
    }],
    "counters": {"fencing": [{"resource_type": "subsystem", "resource_name": "power", "last_token": 1}]}
  }') where imported + unchanged + refused > 0$$,
  $$values ('global_constraints', 0, 0, 1), ('subsystems', 0, 1, 1), ('conflicts', 0, 0, 1), ('counters', 0, 1, 0)$$,
  'what differs is refused, what is the same is unchanged'
);
select results_eq(
  $$select state, version from subsystems where workspace = 'pgtap' and name = 'power'$$,
  $$values ('designing', 2::bigint)$$,
  'a status that an execution wrote stays'
);
select results_eq(
  $$select version, height_m from global_constraints where workspace = 'pgtap' order by version$$,
  $$values (1, 1.75), (2, 1.8)$$,
  'so do constraints'
);
select results_eq(
  $$select severity, description from conflicts where workspace = 'pgtap'$$, $$values ('low', 'too wide')$$,
  'and a conflict'
);

select * from finish();
rollback;

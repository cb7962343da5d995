\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select results_eq(
  $$select agent_name, activity, details, execution_id, workspace from log_agent_activities('[
      {"agent_name": "power_agent", "activity": "two", "details": {"n": 2}},
      {"agent_name": "shell_agent", "activity": "one"},
      {"agent_name": "power_agent", "activity": "three", "details": {}}
    ]', 'run-1')$$,
  $$values ('power_agent', 'two', '{"n": 2}'::jsonb, 'run-1', 'pgtap'),
      ('shell_agent', 'one', '{}', 'run-1', 'pgtap'), ('power_agent', 'three', '{}', 'run-1', 'pgtap')$$,
  'it answers them as they came'
);
select results_eq(
  $$select activity from agent_activity_logs where execution_id = 'run-1' order by id$$,
  $$values ('two'), ('one'), ('three')$$,
  'and so they are in the log'
);
select results_eq(
  $$select count(*), min(a.details ->> 'n'), count(distinct a.id) from log_agent_activities((
      select jsonb_agg(jsonb_build_object(
        'agent_name', 'power_agent', 'activity', 'cell', 'details', jsonb_build_object('n', n)
      )) from generate_series(1, 1000) as n
    )) as a$$,
  $$values (1000::bigint, '1', 1000::bigint)$$,
  'a thousand at once'
);
call tests.act_as_any_agent('pgtap-other');
select is_empty(
  $$select * from agent_activity_logs where activity <> 'workspace_initialized'$$, 'another workspace sees none'
);

select * from finish();
rollback;

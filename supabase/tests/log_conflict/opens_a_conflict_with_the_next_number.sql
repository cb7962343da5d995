\ir ../callers.psql
select plan(6);

call tests.act_as('actuation_agent');
select results_eq(
  $$select conflict_id, severity, priority, source_agent, target_agent, description, details, blocks_agents, status,
      execution_id, conflict_key, reports
    from log_conflict(
      'critical', 'actuation_agent', 'power_agent', 'the knee needs 300 W', '{"over_w": 50}', 1,
      '{shell_agent, sensing}', 'run-1', 'knee'
    )$$,
  $$values (1::bigint, 'critical', 1, 'actuation_agent', 'power_agent', 'the knee needs 300 W',
      '{"over_w": 50}'::jsonb, '{shell_agent, sensing}'::text[], 'open', 'run-1', 'knee', 1)$$,
  'it is as it was reported'
);
select results_eq(
  $$select conflict_id, priority, details, blocks_agents, conflict_key
    from log_conflict('low', 'actuation_agent', 'power_agent', 'the plug is ugly')$$,
  $$values (2::bigint, 3, '{}'::jsonb, '{}'::text[], null::text)$$,
  'of what was not said, the least: third in priority, and nobody is blocked'
);
select results_eq(
  'select conflict_id from conflicts order by conflict_id', 'values (1::bigint), (2)', 'both are there'
);
select results_eq(
  'select conflict_id, event_id, event, agent_name, execution_id from conflict_events order by conflict_id',
  $$values (1::bigint, 1, 'opened', 'actuation_agent', 'run-1'), (2, 1, 'opened', 'actuation_agent', null)$$,
  'the history of each begins'
);
select results_eq(
  $$select agent_name, execution_id, details from agent_activity_logs where activity = 'conflict_created'
    order by id limit 1$$,
  $$values ('actuation_agent', 'run-1', jsonb_build_object(
      'conflict_id', 1, 'severity', 'critical', 'target', 'power_agent'
    ))$$,
  'and it is logged'
);

call tests.act_as('actuation_agent', 'pgtap-other');
select is(
  (log_conflict('low', 'actuation_agent', 'power_agent', 'the plug is ugly')).conflict_id, 1::bigint,
  'another workspace has numbers of its own'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select log_conflict('high', 'actuation_agent', 'power_agent', '50 W too much', conflict_key => 'knee')
  is not null as ready \gset
select results_eq(
  $$select conflict_id, reports, severity, priority, description, details, blocks_agents
    from log_conflict(
      'critical', 'actuation_agent', 'power_agent', '60 W too much', '{"over_w": 60}', 1, '{shell}', 'run-2', 'knee'
    )$$,
  $$values (1::bigint, 2, 'critical', 1, '60 W too much', '{"over_w": 60}'::jsonb, '{shell}'::text[])$$,
  'the open one is counted up, and takes all that is new'
);
select results_eq(
  $$select event, execution_id, details ->> 'description' from conflict_events order by event_id$$,
  $$values ('opened', null, '50 W too much'), ('reported', 'run-2', '60 W too much')$$,
  'its history has both reports'
);
select results_eq(
  $$select agent_name, details ->> 'severity' from agent_activity_logs where activity = 'conflict_reported'$$,
  $$values ('actuation_agent', 'critical')$$,
  'the second is logged as a report'
);
select results_eq(
  $$select c.conflict_id, c.reports
    from (values
      (1, 'actuation_agent', 'power_agent', 'hip'), (2, 'shell_agent', 'power_agent', 'knee'),
      (3, 'actuation_agent', 'shell_agent', 'knee'), (4, 'actuation_agent', 'power_agent', null),
      (5, 'actuation_agent', 'power_agent', null)
    ) as r (number, source, target, key)
    cross join log_conflict('low', r.source, r.target, 'something else', conflict_key => r.key) as c
    order by r.number$$,
  'values (2::bigint, 1), (3, 1), (4, 1), (5, 1), (6, 1)',
  'another key, source or target is another conflict, and so is each without a key'
);
select resolve_conflict(1, 'a smaller knee', 'power_agent') is not null as ready \gset
select is(
  (log_conflict('low', 'actuation_agent', 'power_agent', 'again', conflict_key => 'knee')).conflict_id, 7::bigint,
  'what was resolved takes no reports'
);
select is((select reports from conflicts where conflict_id = 1), 2, 'and stays as it was');

select * from finish();
rollback;

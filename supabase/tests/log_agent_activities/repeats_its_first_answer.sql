\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select jsonb_agg(to_jsonb(a)) as first from log_agent_activities(
  '[{"agent_name": "power_agent", "activity": "two"}, {"agent_name": "power_agent", "activity": "one"}]', 'run-1',
  '00000000-0000-0000-0000-000000000001'
) as a \gset

select is(
  (
    select jsonb_agg(to_jsonb(a)) from log_agent_activities(
      '[{"agent_name": "power_agent", "activity": "two"}, {"agent_name": "power_agent", "activity": "one"}]', 'run-1',
      '00000000-0000-0000-0000-000000000001'
    ) as a
  ),
  :'first'::jsonb,
  'the same request id gets the same entries in the same order'
);
select throws_ok(
  $$select * from log_agent_activities(
      '[{"agent_name": "power_agent", "activity": "two"}]', 'run-1', '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it is good for no others'
);
select results_eq(
  $$select activity from agent_activity_logs where execution_id = 'run-1' order by id$$,
  $$values ('two'), ('one')$$,
  'and they are in the log once'
);

select * from finish();
rollback;

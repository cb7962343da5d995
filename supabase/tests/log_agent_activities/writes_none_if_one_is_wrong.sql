\ir ../callers.psql
select plan(13);

call tests.act_as('power_agent');
select throws_ok(
  format(
    'select * from log_agent_activities(%L)', '[{"agent_name": "power_agent", "activity": "good"}, ' || e.bad || ']'
  ),
  e.sqlstate, e.slug, e.description
) from (values
  ('{"agent_name": "shell_agent", "activity": "x"}', 'PT403', 'agent_mismatch', 'one of another agent'),
  ('{"agent_name": "power_agent"}', 'PT400', 'invalid_argument', 'one without an activity'),
  ('{"activity": "x"}', 'PT400', 'invalid_argument', 'one without an agent'),
  ('{"agent_name": "power_agent", "activity": 5}', 'PT400', 'invalid_argument', 'one whose activity is a number'),
  ('{"agent_name": "power_agent", "activity": "x", "details": []}', 'PT400', 'invalid_argument', 'a list as details'),
  ('{"agent_name": "power_agent", "activity": "x", "detail": {}}', 'PT400', 'invalid_argument', 'a misspelt key'),
  ('"x"', 'PT400', 'invalid_argument', 'one that is a text')
) as e (bad, sqlstate, slug, description);
select throws_ok(
  format('select * from log_agent_activities(%L)', e.entries), 'PT400', 'invalid_argument', e.description
) from (values
  ('[]'::jsonb, 'an empty list'), ('{"agent_name": "power_agent", "activity": "x"}', 'no list'),
  ((
    select jsonb_agg('{"agent_name": "power_agent", "activity": "x"}'::jsonb) from generate_series(1, 1001)
  ), 'more than a thousand'),
  (null, 'nothing')
) as e (entries, description);
call tests.act_as_nobody();
select throws_ok(
  $$select * from log_agent_activities('[{"agent_name": "power_agent", "activity": "x"}]')$$, '42501', null,
  'the anonymous role'
);

call tests.act_as('power_agent');
select is_empty(
  $$select * from agent_activity_logs where activity <> 'workspace_initialized'$$, 'nothing was written'
);

select * from finish();
rollback;

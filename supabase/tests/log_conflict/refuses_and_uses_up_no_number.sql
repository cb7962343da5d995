\ir ../callers.psql
select plan(14);

call tests.act_as('power_agent');
select throws_ok(
  format(
    'select log_conflict(%L, %L, %L, %L, %L, %L, %L, conflict_key => %L)',
    c.severity, c.source, c.target, c.text, c.details, c.priority, c.blocks, c.key
  ),
  c.sqlstate, c.slug, c.description
) from (values
  ('bad', 'power_agent', 'shell', 'x', '{}', 3, '{}', 'k', 'PT400', 'invalid_argument', 'an unknown severity'),
  ('low', 'power_agent', '', 'x', '{}', 3, '{}', 'k', 'PT400', 'invalid_argument', 'no target'),
  ('low', 'power_agent', 'shell', ' ', '{}', 3, '{}', 'k', 'PT400', 'invalid_argument', 'no description'),
  ('low', 'power_agent', 'shell', repeat('x', 10001), '{}', 3, '{}', 'k', 'PT400', 'invalid_argument', 'a long one'),
  ('low', 'power_agent', 'shell', 'x', '[]', 3, '{}', 'k', 'PT400', 'invalid_argument', 'details that are a list'),
  ('low', 'power_agent', 'shell', 'x', '{}', 0, '{}', 'k', 'PT400', 'invalid_argument', 'a priority before the first'),
  ('low', 'power_agent', 'shell', 'x', '{}', 5, '{}', 'k', 'PT400', 'invalid_argument', 'one after the last'),
  ('low', 'power_agent', 'shell', 'x', '{}', 3, '{" a"}', 'k', 'PT400', 'invalid_argument', 'blocking what is no name'),
  ('low', 'power_agent', 'shell', 'x', '{}', 3, '{}', '', 'PT400', 'invalid_argument', 'an empty key'),
  ('low', 'power_agent', 'shell', 'x', '{}', 3, '{}', repeat('k', 201), 'PT400', 'invalid_argument', 'a long key'),
  ('low', 'shell_agent', 'shell', 'x', '{}', 3, '{}', 'k', 'PT403', 'agent_mismatch', 'the name of another agent')
) as c (severity, source, target, text, details, priority, blocks, key, sqlstate, slug, description);
call tests.act_as_nobody();
select throws_ok(
  $$select log_conflict('low', 'power_agent', 'shell', 'x')$$, '42501', null, 'the anonymous role'
);

call tests.act_as('power_agent');
select is_empty(
  $$select event from conflict_events
    union all select activity from agent_activity_logs where activity <> 'workspace_initialized'$$,
  'nothing was written'
);
select is(
  (log_conflict('low', 'power_agent', 'shell', repeat('x', 10000), priority => 4, conflict_key => repeat('k', 200)))
    .conflict_id,
  1::bigint,
  'what is just within the limits is the first conflict'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(9);

call tests.act_as('power_agent');
select throws_ok(
  format('select log_agent_activity(%L, %L, %L, %L)', a.agent, a.activity, a.details, a.execution),
  a.sqlstate, a.slug, a.description
) from (values
  ('power_agent', '', '{}', 'run-1', 'PT400', 'invalid_argument', 'an empty activity'),
  ('power_agent', repeat('x', 201), '{}', 'run-1', 'PT400', 'invalid_argument', 'a long one'),
  ('power_agent', E'a\nb', '{}', 'run-1', 'PT400', 'invalid_argument', 'one of two lines'),
  ('power_agent', 'charged', '[]', 'run-1', 'PT400', 'invalid_argument', 'details that are a list'),
  ('power_agent', 'charged', '{}', 'run ', 'PT400', 'invalid_argument', 'an execution that is no name'),
  (null, 'charged', '{}', 'run-1', 'PT400', 'invalid_argument', 'no agent'),
  ('shell_agent', 'charged', '{}', 'run-1', 'PT403', 'agent_mismatch', 'the name of another agent')
) as a (agent, activity, details, execution, sqlstate, slug, description);
call tests.act_as_nobody();
select throws_ok($$select log_agent_activity('power_agent', 'charged')$$, '42501', null, 'the anonymous role');

call tests.act_as('power_agent');
select is_empty(
  $$select * from agent_activity_logs where activity <> 'workspace_initialized'$$, 'nothing was written'
);

select * from finish();
rollback;

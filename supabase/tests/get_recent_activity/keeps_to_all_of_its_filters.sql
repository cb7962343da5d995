\ir ../callers.psql
select plan(7);

call tests.act_as_any_agent();
select count(log_agent_activity(a.agent, a.activity, jsonb_build_object('n', a.n), a.execution)) as ready
from (values
  (1, 'power_agent', 'tested', 'run-1'), (2, 'power_agent', 'drawn', 'run-2'), (3, 'shell_agent', 'drawn', 'run-1'),
  (4, 'power_agent', 'drawn', 'run-1'), (5, 'power', 'drawn', 'run-3')
) as a (n, agent, activity, execution) \gset
call tests.act_as_owner();
update agent_activity_logs
set "timestamp" = '2020-01-01 00:00+00'::timestamptz + (details ->> 'n')::integer * interval '1 day'
where workspace = 'pgtap' and details ? 'n';
call tests.act_as_any_agent();

prepare numbers(text, text, text, timestamptz, timestamptz) as
select array(
  select (a.details ->> 'n')::integer from get_recent_activity(50, $1, $2, $3, $4, $5) as a where a.details ? 'n'
);
select results_eq(
  format('execute numbers(%L, %L, %L, %L, %L)', f.agent, f.execution, f.activity, f.since, f.until),
  format('values (%L::integer[])', f.found), f.description
) from (values
  ('power_agent', null, null, null, null, '{4, 2, 1}', 'of an agent, by exactly this name'),
  (null, 'run-1', null, null, null, '{4, 3, 1}', 'of an execution'),
  (null, null, 'drawn', null, null, '{5, 4, 3, 2}', 'of one activity'),
  (null, null, null, '2020-01-03 00:00+00', '2020-01-05 00:00+00', '{3, 2}', 'at or after one time, before another'),
  (null, null, null, null, '2020-01-05 01:00+01', '{3, 2, 1}', 'the same time of another zone'),
  ('power_agent', 'run-1', 'drawn', '2020-01-02 00:00+00', '2020-01-06 00:00+00', '{4}', 'all of it together'),
  ('sensing_agent', null, null, null, null, '{}', 'of who did nothing there is none')
) as f (agent, execution, activity, since, until, found, description);

select * from finish();
rollback;

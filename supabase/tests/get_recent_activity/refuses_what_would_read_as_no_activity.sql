\ir ../callers.psql
select plan(9);

call tests.act_as('power_agent', 'pgtap-other');
select id as other from log_agent_activity('power_agent', 'charged') \gset
call tests.act_as('power_agent');
select throws_ok(
  format(
    'select * from get_recent_activity(%L, %L, %L, %L, before_id => %L)', f.number, f.agent, f.execution, f.activity,
    f.before
  ),
  'PT400', 'invalid_argument', f.description
) from (values
  (0, null, null, null, null, 'none at all'), (10001, null, null, null, null, 'too many'),
  (null, null, null, null, null, 'no limit'), (1, '', null, null, null, 'an empty agent'),
  (1, null, 'run ', null, null, 'an execution that is no name'), (1, null, null, '', null, 'an empty activity'),
  (1, null, null, null, 0::bigint, 'a page behind no entry'),
  (1, null, null, null, :other, 'a page behind an entry of another workspace')
) as f (number, agent, execution, activity, before, description);
call tests.act_as_nobody();
select throws_ok('select * from get_recent_activity()', '42501', null, 'the anonymous role asks in vain');

select * from finish();
rollback;

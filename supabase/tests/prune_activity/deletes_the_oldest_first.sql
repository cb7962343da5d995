\ir ../callers.psql
select plan(7);

call tests.act_as_any_agent('pgtap-other');
select log_agent_activity('power_agent', '5') is not null as ready \gset
call tests.act_as_any_agent();
select count(log_agent_activity('power_agent', n::text)) as ready from generate_series(1, 5) as n \gset
call tests.act_as_owner();
update agent_activity_logs
set "timestamp" = '2020-01-10 00:00+00'::timestamptz - activity::integer * interval '1 day'
where workspace in ('pgtap', 'pgtap-other') and agent_name = 'power_agent';

call tests.act_as_operator();
select is(prune_activity('2020-01-09 00:00+00', 3), 3, 'as many as one call may');
call tests.act_as_any_agent();
select results_eq(
  $$select activity from agent_activity_logs where agent_name = 'power_agent' order by id$$,
  $$values ('1'), ('2')$$,
  'the oldest'
);
call tests.act_as_operator();
select is(prune_activity('2020-01-09 00:00+00', 3), 1, 'the next call does the rest');
select is(prune_activity('2020-01-09 00:00+00', 3), 0, 'until there is none');
call tests.act_as_any_agent();
select results_eq(
  $$select activity from agent_activity_logs where agent_name = 'power_agent'$$, $$values ('1')$$,
  'what is exactly as old as said stays'
);
select results_eq(
  $$select agent_name, (details ->> 'entries')::integer, (details ->> 'older_than')::timestamptz
    from agent_activity_logs where activity = 'activity_pruned' order by id$$,
  $$values ('operator', 3, '2020-01-09 00:00+00'::timestamptz), ('operator', 1, '2020-01-09 00:00+00')$$,
  'the log says what was deleted, and nothing where nothing was'
);
call tests.act_as_any_agent('pgtap-other');
select is(
  (select count(*) from agent_activity_logs where agent_name = 'power_agent'), 1::bigint,
  'another workspace keeps its log'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select log_conflict('high', 'power_agent', 'shell_agent', 'too wide', blocks => '{power_agent}')
  is not null as ready \gset
select log_conflict('high', 'power_agent', 'shell_agent', 'too high') is not null as ready \gset

select results_eq(
  $$select conflict_id, status, resolution, resolved_by, resolved_at >= created_at, blocks_agents
    from resolve_conflict(1, 'a wider shell', 'shell_agent', execution_id => 'run-1')$$,
  $$values (1::bigint, 'resolved', 'a wider shell', 'shell_agent', true, '{power_agent}'::text[])$$,
  'it says how, by whom and when'
);
select results_eq(
  'select conflict_id, status, resolution from conflicts order by conflict_id',
  $$values (1::bigint, 'resolved', 'a wider shell'), (2, 'open', null)$$,
  'the other one stays open'
);
select ok(not is_blocked('power_agent'), 'it blocks nobody any more');
select results_eq(
  'select event, agent_name, execution_id, details from get_conflict_history(1) offset 1',
  $$values ('resolved', 'shell_agent', 'run-1', '{"resolution": "a wider shell"}'::jsonb)$$,
  'its history has the resolution'
);
select results_eq(
  $$select agent_name, execution_id, details from agent_activity_logs where activity = 'conflict_resolved'$$,
  $$values ('shell_agent', 'run-1', '{"conflict_id": 1, "resolution": "a wider shell"}'::jsonb)$$,
  'and it is logged'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select to_jsonb(c) as before from log_conflict('high', 'power_agent', 'shell_agent', 'too wide') as c \gset

select results_eq(
  $$select conflict_id, event_id, event, agent_name, details, execution_id
    from add_conflict_note(1, 'skeleton_agent', 'the ribs could move', 'run-1')$$,
  $$values (1::bigint, 2, 'note', 'skeleton_agent', '{"note": "the ribs could move"}'::jsonb, 'run-1')$$,
  'it is the next entry'
);
select is((select to_jsonb(c) from conflicts as c), :'before'::jsonb, 'the conflict itself is as it was');
select resolve_conflict(1, 'moved ribs', 'shell_agent') is not null as ready \gset
select is(
  (add_conflict_note(1, 'power_agent', repeat('x', 10000))).event_id, 4, 'a resolved one takes notes, long ones too'
);
select results_eq(
  'select event, agent_name from get_conflict_history(1)',
  $$values ('opened', 'power_agent'), ('note', 'skeleton_agent'), ('resolved', 'shell_agent'),
      ('note', 'power_agent')$$,
  'the history has all of it in order'
);
select results_eq(
  $$select agent_name, execution_id, details from agent_activity_logs where activity = 'conflict_noted' order by id$$,
  $$values ('skeleton_agent', 'run-1', '{"conflict_id": 1, "event_id": 2}'::jsonb),
      ('power_agent', null, '{"conflict_id": 1, "event_id": 4}')$$,
  'and each note is logged'
);

select * from finish();
rollback;

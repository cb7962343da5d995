\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select to_jsonb(c) as opened from log_conflict(
  'critical', 'power_agent', 'shell_agent', 'too wide', '{"mm": 4}', 1, '{skeleton_agent}', 'run-1', 'width'
) as c \gset
select resolved_at from resolve_conflict(1, 'a wider shell', 'shell_agent') \gset

select is(
  (select to_jsonb(c) from reopen_conflict(1, 'power_agent', 'still 2 mm', 'run-2') as c), :'opened'::jsonb,
  'it is as it was before its resolution'
);
select ok(is_blocked('skeleton_agent'), 'it blocks whom it blocked');
select results_eq(
  $$select event, agent_name, execution_id, details - 'resolved_at', (details ->> 'resolved_at')::timestamptz
    from get_conflict_history(1) where event_id = 3$$,
  format(
    $$values ('reopened', 'power_agent', 'run-2',
        '{"reason": "still 2 mm", "resolution": "a wider shell", "resolved_by": "shell_agent"}'::jsonb,
        %L::timestamptz)$$,
    :'resolved_at'
  ),
  'its history keeps the resolution that did not hold'
);
select results_eq(
  $$select agent_name, execution_id, details from agent_activity_logs where activity = 'conflict_reopened'$$,
  $$values ('power_agent', 'run-2', '{"conflict_id": 1, "reason": "still 2 mm"}'::jsonb)$$,
  'and it is logged'
);
select is(
  (log_conflict('high', 'power_agent', 'shell_agent', 'too wide', conflict_key => 'width')).conflict_id, 1::bigint,
  'reports are counted on it again'
);

select * from finish();
rollback;

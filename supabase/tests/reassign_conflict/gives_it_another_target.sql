\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select to_jsonb(c) as before from log_conflict(
  'high', 'power_agent', 'shell_agent', 'too wide', conflict_key => 'width'
) as c \gset

select is(
  (
    select to_jsonb(c)
    from reassign_conflict(1, 'skeleton_agent', 'system_architect', 'the ribs are in the way', 'run-1') as c
  ),
  :'before'::jsonb || '{"target_agent": "skeleton_agent"}',
  'that is all that changes'
);
select results_eq(
  $$select conflict_id from get_active_conflicts('skeleton_agent')$$, 'values (1::bigint)', 'the new target sees it'
);
select is_empty($$select * from get_active_conflicts('shell_agent')$$, 'the old one does not any more');
select results_eq(
  $$select event, agent_name, execution_id, details from get_conflict_history(1) offset 1$$,
  $$values ('reassigned', 'system_architect', 'run-1',
      '{"from": "shell_agent", "to": "skeleton_agent", "reason": "the ribs are in the way"}'::jsonb)$$,
  'its history says from whom, to whom and why'
);
select results_eq(
  $$select agent_name, execution_id, details from agent_activity_logs where activity = 'conflict_reassigned'$$,
  $$values ('system_architect', 'run-1', '{
      "conflict_id": 1, "from": "shell_agent", "to": "skeleton_agent", "reason": "the ribs are in the way"
    }'::jsonb)$$,
  'and so does the log'
);
select results_eq(
  $$select c.conflict_id, c.target_agent, c.reports
    from (values (1, 'shell_agent'), (2, 'skeleton_agent')) as t (number, name)
    cross join log_conflict('high', 'power_agent', t.name, 'too wide', conflict_key => 'width') as c
    order by t.number$$,
  $$values (1::bigint, 'skeleton_agent', 2), (1, 'skeleton_agent', 3)$$,
  'a report to either target is counted on it'
);

select * from finish();
rollback;

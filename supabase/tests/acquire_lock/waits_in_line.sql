\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'skeleton', 'skeleton_agent', 'run-1') \gset
select is_empty(
  format(
    $$select * from acquire_lock('subsystem', 'skeleton', %L, 'run-2', 60, 30, %s, %L)$$, w.agent, w.priority, w.id
  ),
  w.agent || ' gets an empty list'
) from (values
  ('shell_agent', 3, '00000000-0000-0000-0000-000000000001'),
  ('power_agent', 1, '00000000-0000-0000-0000-000000000002')
) as w (agent, priority, id);
select results_eq(
  'select position, agent_name, priority from lock_queue order by position',
  $$values (1::bigint, 'power_agent', 1), (2, 'shell_agent', 3)$$,
  'and is in line, the first priority first'
);

call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as_any_agent();
select is_empty(
  $$select * from acquire_lock('subsystem', 'skeleton', 'sensing_agent', 'run-3')$$, 'nobody overtakes who waits'
);
select results_eq(
  $$select fencing_token, provisional, ttl_seconds, round(extract(epoch from expires_at - locked_at))
    from acquire_lock(
      'subsystem', 'skeleton', 'power_agent', 'run-2', 60, 30, 1, '00000000-0000-0000-0000-000000000002'
    )$$,
  $$values (2::bigint, true, 60, 10::numeric)$$,
  'who asks again in turn is given it for 10 s, to be confirmed'
);
select results_eq('select agent_name from lock_queue', array['shell_agent'], 'and has left the line');

select * from finish();
rollback;

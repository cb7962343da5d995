\ir ../callers.psql
select plan(8);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1', 60) \gset
select count(*) as granted from acquire_lock(
  'subsystem', 'power', 'shell_agent', 'run-2', 60, 30, request_id => '00000000-0000-0000-0000-000000000001'
) \gset
select count(log_conflict(
  'low', 'power_agent', 'system_architect', 'too heavy', priority => n, blocks => array['shell_agent']
)) as ready from generate_series(3, 1, -1) as n \gset
select update_subsystem_status('power', '{"state": "designing", "current_mass_kg": 7}', 'run-1', :token) is not null
as ready \gset
select get_board(limit_count => 2) as board \gset

select is((:'board'::jsonb) ->> 'workspace', 'pgtap', 'its own workspace');
select ok(
  (:'board'::jsonb ->> 'server_time')::timestamptz between now() and clock_timestamp(), 'by the database''s clock'
);
select results_eq(
  $$select b - 'queue_length', b -> 'queue_length' from jsonb_array_elements(get_board()::jsonb -> 'subsystems') as b$$,
  $$select to_jsonb(s), to_jsonb(case when s.name = 'power' then 1 else 0 end) from system_status as s$$,
  'each subsystem as in system_status, with the length of its queue'
);
select is(
  (
    select jsonb_agg(c - '{created_at, last_reported_at}'::text[])
    from jsonb_array_elements(:'board'::jsonb -> 'conflicts') as c
  ),
  (
    select jsonb_agg(jsonb_build_object(
      'conflict_id', 4 - n, 'priority', n, 'severity', 'low', 'source_agent', 'power_agent',
      'target_agent', 'system_architect', 'description', 'too heavy', 'blocks_agents', array['shell_agent'],
      'reports', 1
    ) order by n)
    from generate_series(1, 2) as n
  ),
  'the most urgent conflicts first, with whom they block'
);
select is(:'board'::jsonb -> 'leases', (select jsonb_agg(l) from agent_locks as l), 'who holds what until when');
select is(:'board'::jsonb -> 'queue', (select jsonb_agg(q) from lock_queue as q), 'who waits for it');
select is(
  :'board'::jsonb -> 'budgets', (select jsonb_agg(u) from budget_usage as u where u.scope = 'robot'),
  'the budgets of the whole robot'
);
select is(
  :'board'::jsonb -> 'counts', '{"subsystems": 7, "conflicts": 3, "leases": 1, "queue": 1}',
  'how many there are, also beyond the limit'
);

select * from finish();
rollback;

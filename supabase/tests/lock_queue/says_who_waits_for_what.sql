\ir ../callers.psql
select plan(2);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'shell', 'shell_agent', 'run-1') \gset
select is_empty(
  $$select * from acquire_lock(
    'subsystem', 'shell', 'sensing_agent', 'run-2', 60, 30, 2, '00000000-0000-0000-0000-000000000001'
  )$$,
  'somebody waits'
);
select is(
  (
    select to_jsonb(q) - array['waiting_since', 'gives_up_at']
      || jsonb_build_object('waits', round(extract(epoch from q.gives_up_at - q.waiting_since)))
    from lock_queue as q
  ),
  '{
    "workspace": "pgtap", "resource_type": "subsystem", "resource_name": "shell", "position": 1, "priority": 2,
    "agent_name": "sensing_agent", "execution_id": "run-2", "waits": 30,
    "request_id": "00000000-0000-0000-0000-000000000001"
  }'::jsonb,
  'its row says who, for what and how long'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
prepare ask(text, text, integer, text) as
select count(*) as granted from acquire_lock(
  'subsystem', $1, $2 || '_agent', 'run-' || $2, 60, case when $4 <> '0' then 30 else 0 end, $3,
  ('00000000-0000-0000-0000-00000000000' || nullif($4, '0'))::uuid
);
execute ask('skeleton', 'power', 3, '0') \gset
execute ask('actuation', 'sensing', 3, '0') \gset
execute ask('actuation', 'power', 3, '1') \gset
execute ask('actuation', 'shell', 1, '2') \gset
execute ask('skeleton', 'shell', 3, '3') \gset

-- From here on power and shell wait for each other.
select is(
  (select locked_by from release_lock('subsystem', 'actuation', 'run-sensing')), 'sensing_agent', 'shell is given it'
);
select is((wait_for_lock('00000000-0000-0000-0000-000000000001')).state, 'waiting', 'the elder wait goes on');
select throws_ok(
  $$select wait_for_lock('00000000-0000-0000-0000-000000000003')$$, 'PT409', 'deadlock', 'the youngest one is ended'
);
select throws_ok(
  $$select wait_for_lock('00000000-0000-0000-0000-000000000003')$$, 'PT409', 'deadlock', 'as often as it asks'
);
select results_eq('select agent_name from lock_queue', array['power_agent'], 'it is out of the line');
select results_eq(
  $$select agent_name, execution_id, details ->> 'reason', jsonb_array_length(details -> 'cycle')
    from agent_activity_logs where activity = 'lock_refused'$$,
  $$values ('shell_agent', 'run-shell', 'deadlock', 2)$$,
  'and the log has the cycle'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(3);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select count(l.*) as granted
from
  unnest(array['shell', 'sensing', 'actuation', 'skeleton']) as n,
  acquire_lock('subsystem', 'power', n || '_agent', 'run-2', 60, 30, request_id => gen_random_uuid()) as l \gset
prepare line as select position, agent_name from lock_queue order by position;

call tests.act_as_owner();
update core.lock_tickets set alive_until = clock_timestamp()
where workspace = 'pgtap' and agent_name = 'shell_agent';
update core.lock_tickets set gives_up_at = clock_timestamp()
where workspace = 'pgtap' and agent_name = 'sensing_agent';
call tests.act_as_any_agent();
select results_eq(
  'line', $$values (1::bigint, 'actuation_agent'), (2, 'skeleton_agent')$$,
  'one that was silent for too long is not shown, nor one whose time is up'
);

call tests.act_as_owner();
update core.lock_tickets set refused = '[]' where workspace = 'pgtap' and agent_name = 'actuation_agent';
call tests.act_as_any_agent();
select results_eq('line', $$values (1::bigint, 'skeleton_agent')$$, 'nor one that a deadlock has ended');
select release_lock('subsystem', 'power', 'run-1') is not null as released \gset
select results_eq(
  'select locked_by from agent_locks', array['skeleton_agent'], 'who is shown first is given the lock'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select count(l.*) as granted
from
  unnest(array['shell', 'sensing', 'actuation']) as n,
  acquire_lock('subsystem', 'power', n || '_agent', 'run-2', 60, 30, request_id => md5(n)::uuid) as l \gset

select results_eq(
  $$select w.state, w.position, w.waiting_for, w.leases = '{}', w.retry_ms between 1 and 500
    from unnest(array['shell', 'sensing', 'actuation']) as n, wait_for_lock(md5(n)::uuid) as w$$,
  $$select 'waiting', n, array['power_agent'], true, true from generate_series(1, 3) as n$$,
  'each is told its place, for whom it waits, and when to ask again'
);
select count(l.*) as granted
from acquire_locks(
  '[{"resource_type": "subsystem", "resource_name": "power"}, {"resource_type": "subsystem", "resource_name": "shell"}]',
  'structure_agent', 'run-2', 60, 30, request_id => md5('set')::uuid
) as l \gset
select count(l.*) as granted
from acquire_lock('subsystem', 'shell', 'optics_agent', 'run-2', 60, 30, request_id => md5('optics')::uuid) as l \gset
select is(
  (wait_for_lock(md5('optics')::uuid)).waiting_for, array['structure_agent'],
  'where nobody holds it, who is before it in line'
);
select cmp_ok(
  (wait_for_lock(md5('shell')::uuid)).retry_ms, '<', (wait_for_lock(md5('actuation')::uuid)).retry_ms,
  'the nearer its turn, the sooner'
);

call tests.act_as_owner();
update core.lock_tickets set alive_until = clock_timestamp()
where workspace = 'pgtap' and agent_name = 'shell_agent';
call tests.act_as_any_agent();
select is((wait_for_lock(md5('sensing')::uuid)).position, 1, 'who was silent for too long is passed over');
select is(
  array[(wait_for_lock(md5('shell')::uuid)).position, (wait_for_lock(md5('sensing')::uuid)).position], array[1, 2],
  'and has its place again when it comes back'
);

select * from finish();
rollback;

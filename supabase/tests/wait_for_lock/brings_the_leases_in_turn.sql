\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select count(l.*) as granted
from
  unnest(array['shell', 'sensing']) as n,
  acquire_lock('subsystem', 'power', n || '_agent', 'run-2', 60, 30, request_id => md5(n)::uuid) as l \gset
prepare answer(text) as
select w.state, w.waiting_for = '{}', l.locked_by, l.fencing_token, l.provisional
from wait_for_lock(md5($1)::uuid) as w, unnest(w.leases) as l;

select release_lock('subsystem', 'power', 'run-1') is not null as released \gset
select results_eq(
  $$execute answer('shell')$$, $$values ('granted', true, 'shell_agent', 2::bigint, true)$$, t.description
) from (values ('what was handed over to it is its own'), ('also when it asks again')) as t (description);

call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as_any_agent();
select results_eq(
  $$execute answer('sensing')$$, $$values ('granted', true, 'sensing_agent', 3::bigint, true)$$,
  'what has lapsed is taken by the next who asks'
);
select results_eq(
  'select locked_by, fencing_token, ttl_seconds from agent_locks', $$values ('sensing_agent', 3::bigint, 60)$$,
  'which holds it'
);
select is((wait_for_lock(md5('shell')::uuid)).state, 'gone', 'the request whose lease has lapsed is gone');
select is_empty('select * from lock_queue', 'and nobody waits any more');

select * from finish();
rollback;

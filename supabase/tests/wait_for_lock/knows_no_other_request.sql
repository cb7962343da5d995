\ir ../callers.psql
select plan(8);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select count(*) as granted from acquire_lock(
  'subsystem', 'power', 'shell_agent', 'run-2', 60, 30, request_id => '00000000-0000-0000-0000-000000000001'
) \gset

select results_eq(
  $$select state, leases = '{}', waiting_for from wait_for_lock('00000000-0000-0000-0000-000000000002')$$,
  $$values ('gone', true, array[]::text[])$$,
  'of an id that nobody asked with there is no request'
);
call tests.act_as('shell_agent', 'pgtap-other');
select is(
  (wait_for_lock('00000000-0000-0000-0000-000000000001')).state, 'gone', 'nor is there one in another workspace'
);
select throws_ok('select wait_for_lock(null)', 'PT400', 'invalid_argument', 'null is no id');
call tests.act_as_nobody();
select throws_ok(
  $$select wait_for_lock('00000000-0000-0000-0000-000000000001')$$, '42501', null, 'the anonymous role may not ask'
);
call tests.act_as_any_agent();
select results_eq('select agent_name from lock_queue', array['shell_agent'], 'it is still in line');

call tests.act_as_owner();
update core.lock_tickets set gives_up_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as_any_agent();
select is((wait_for_lock('00000000-0000-0000-0000-000000000001')).state, 'gone', 'when its time is up it is gone');
select is(
  (select count(*) from release_lock('subsystem', 'power', 'run-1')), 1::bigint, 'what it waited for becomes free'
);
select is_empty('select * from agent_locks', 'and is not given to it');

select * from finish();
rollback;

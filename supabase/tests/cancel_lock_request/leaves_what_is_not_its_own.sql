\ir ../callers.psql
select plan(9);

call tests.act_as_any_agent();
select count(*) as granted from acquire_lock(
  'subsystem', 'power', 'power_agent', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
) \gset
select count(*) as granted from acquire_lock(
  'subsystem', 'power', 'shell_agent', 'run-2', 60, 30, request_id => '00000000-0000-0000-0000-000000000002'
) \gset

call tests.act_as('sensing_agent');
select is(
  cancel_lock_request('00000000-0000-0000-0000-000000000001'), false, 'it does not end the lease of another agent'
);
select is(cancel_lock_request('00000000-0000-0000-0000-000000000002'), false, 'nor its wait');
call tests.act_as_any_agent('pgtap-other');
select is(cancel_lock_request('00000000-0000-0000-0000-000000000001'), false, 'nor what is of another workspace');
select is(cancel_lock_request('00000000-0000-0000-0000-000000000002'), false, 'held or awaited');
select throws_ok('select cancel_lock_request(null)', 'PT400', 'invalid_argument', 'null is no request');
call tests.act_as_nobody();
select throws_ok(
  $$select cancel_lock_request('00000000-0000-0000-0000-000000000001')$$,
  '42501', null, 'the anonymous role may not ask'
);

call tests.act_as_any_agent();
select results_eq('select locked_by from agent_locks', array['power_agent'], 'the lease is still held');
select results_eq('select agent_name from lock_queue', array['shell_agent'], 'the other still waits');
select results_eq(
  $$select locked_by from acquire_lock(
    'subsystem', 'power', 'power_agent', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
  )$$,
  array['power_agent'],
  'and the request still has its answer'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(5);

call tests.act_as('power_agent');
prepare ask(text) as select locked_by from acquire_lock(
  'subsystem', 'power', 'power_agent', 'run-1',
  request_id => ('00000000-0000-0000-0000-00000000000' || $1)::uuid
);
prepare cancel(text) as select cancel_lock_request(('00000000-0000-0000-0000-00000000000' || $1)::uuid);
select results_eq('execute cancel(1)', array[false], 'before it was asked for there is nothing to end');
select is_empty('execute ask(1)', 'but the acquire call that comes late gets nothing');
select results_eq('execute cancel(1)', array[false], 'and there is still nothing to end');

select results_eq('execute ask(2)', array['power_agent'], 'another request gets it');
select results_eq(
  $$select cancel_lock_request('00000000-0000-0000-0000-000000000002') from generate_series(1, 3)$$,
  array[true, true, true],
  'its end is told as often as it is asked for'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(3);

call tests.act_as_any_agent();
select log_conflict('high', 'power_agent', 'shell_agent', 'too wide', blocks => '{skeleton_agent}')
  is not null as ready \gset
-- The longest wait: a function that waited for it would not answer within the limit.
set local statement_timeout = '400ms';
select results_eq(
  $$select blocked, cardinality(conflicts), retry_ms from wait_until_unblocked('sensing_agent', 500)$$,
  'values (false, 0, 0)',
  'nothing blocks it, and there is nothing to ask again'
);
set local statement_timeout = 0;
select resolve_conflict(1, 'wider', 'shell_agent') is not null as ready \gset
select is((wait_until_unblocked('skeleton_agent', 0)).blocked, false, 'nor does what was resolved');
call tests.act_as_any_agent('pgtap-other');
select is((wait_until_unblocked('shell_agent')).blocked, false, 'nor what is of another workspace');

select * from finish();
rollback;

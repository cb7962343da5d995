\ir ../callers.psql
select plan(3);

call tests.act_as_any_agent();
select log_conflict('high', 'power_agent', 'shell_agent', 'too wide', blocks => '{skeleton_agent}')
  is not null as ready \gset
select results_eq(
  $$select blocked, cardinality(conflicts), retry_ms from wait_until_unblocked('sensing_agent')$$,
  'values (false, 0, 0)',
  'nothing blocks it, and there is nothing to ask again'
);
select resolve_conflict(1, 'wider', 'shell_agent') is not null as ready \gset
select is((wait_until_unblocked('skeleton_agent')).blocked, false, 'nor does what was resolved');
call tests.act_as_any_agent('pgtap-other');
select is((wait_until_unblocked('shell_agent')).blocked, false, 'nor what is of another workspace');

select * from finish();
rollback;

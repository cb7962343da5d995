\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent');
select log_conflict('low', 'power_agent', 'shell_agent', 'too wide') is not null as ready \gset
select throws_ok(
  'select * from get_conflict_history(2)', 'PT404', 'unknown_conflict', 'a number that was never given'
);
select throws_ok('select * from get_conflict_history(null)', 'PT404', 'unknown_conflict', 'no number');
call tests.act_as('power_agent', 'pgtap-other');
select throws_ok(
  'select * from get_conflict_history(1)', 'PT404', 'unknown_conflict', 'a conflict of another workspace'
);
call tests.act_as_nobody();
select throws_ok('select * from get_conflict_history(1)', '42501', null, 'the anonymous role asks in vain');

select * from finish();
rollback;

\ir ../callers.psql
select plan(6);

call tests.act_as('system_architect');
select update_global_constraints('{"height_m": 1.8}', 'system_architect') is not null as ready \gset

select is((select count(*) from diff_global_constraints(1, 2)), 1::bigint, 'there is version 2');
select throws_ok('select * from diff_global_constraints(2, 3)', 'PT404', 'unknown_version', 'none after the latest');
select throws_ok('select * from diff_global_constraints(-1, 2)', 'PT404', 'unknown_version', 'none before 0');
select throws_ok('select * from diff_global_constraints(null, 2)', 'PT404', 'unknown_version', 'null is none');

call tests.act_as('system_architect', 'pgtap-other');
select throws_ok(
  'select * from diff_global_constraints(1, 2)', 'PT404', 'unknown_version', 'another workspace does not see it'
);
call tests.act_as_nobody();
select throws_ok('select * from diff_global_constraints(0, 1)', '42501', null, 'nor does the anonymous role');

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

prepare report as
select status, schema_version ~ '^[0-9]{14}$', abs(extract(epoch from clock_timestamp() - server_time)) < 5
from health();
call tests.act_as_nobody();
select results_eq('report', $$values ('ok', true, true)$$, 'the anonymous role learns version and time');
call tests.act_as('power_agent');
select results_eq('report', $$values ('ok', true, true)$$, 'an agent');
call tests.act_as('power_agent', 'pgtap-unknown');
select results_eq('report', $$values ('ok', true, true)$$, 'an agent of a workspace that is not there');
call tests.act_as_operator();
select results_eq('report', $$values ('ok', true, true)$$, 'and an operator');

select * from finish();
rollback;

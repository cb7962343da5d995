\ir ../callers.psql
select plan(7);

call tests.act_as_any_agent();
select count(l.*) as granted
from
  unnest(array['power', 'shell']) as n,
  acquire_lock('subsystem', n, n || '_agent', 'run-1') as l \gset
prepare ended as select l.resource_name from release_execution('run-1') as e, unnest(e.leases) as l;

call tests.act_as('sensing_agent');
select is_empty('ended', 'a token of another agent ends nothing');
call tests.act_as('power_agent', 'pgtap-other');
select is_empty('ended', 'nor does one of another workspace');
call tests.act_as_nobody();
select throws_ok('ended', '42501', null, 'the anonymous role may not ask');
call tests.act_as_any_agent();
select throws_ok($$select release_execution('')$$, 'PT400', 'invalid_argument', 'nothing is no execution');
select is((select count(*) from agent_locks), 2::bigint, 'all leases are as they were');

call tests.act_as('power_agent');
select results_eq('ended', $$values ('power')$$, 'an agent with a token of its own ends what is its own');
call tests.act_as_operator();
select results_eq('ended', $$values ('shell')$$, 'an operator ends the rest');

select * from finish();
rollback;

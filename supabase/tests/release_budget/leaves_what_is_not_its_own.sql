\ir ../callers.psql
select plan(8);

call tests.act_as('power_agent');
select reservation_id as id from reserve_budget('power', 'power_agent', 'run-1', 8) \gset

select is_empty(format($$select * from release_budget(%L, 'run-2')$$, :'id'), 'it is not of another execution');
call tests.act_as('shell_agent');
select is_empty(format($$select * from release_budget(%L, 'run-1')$$, :'id'), 'nor of another agent');
call tests.act_as('power_agent', 'pgtap-other');
select is_empty(format($$select * from release_budget(%L, 'run-1')$$, :'id'), 'nor in another workspace');
call tests.act_as_nobody();
select throws_ok(
  format($$select * from release_budget(%L, 'run-1')$$, :'id'), '42501', null, 'the anonymous role may not ask'
);
call tests.act_as('power_agent');
select throws_ok(
  $$select * from release_budget(null, 'run-1')$$, 'PT400', 'invalid_argument', 'null is no reservation'
);
select is((select reservation_id from budget_reservations), :'id'::uuid, 'it is still held');

call tests.act_as_owner();
update budget_reservations set expires_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as('power_agent');
select is_empty(format($$select * from release_budget(%L, 'run-1')$$, :'id'), 'when it has ended there is nothing');
select is_empty($$select * from agent_activity_logs where activity = 'budget_released'$$, 'and none of it is logged');

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent');
select log_agent_activity('power_agent', 'sized') is not null as ready \gset
select update_subsystem_design('gripper', '{"fingers": 3}', 'power_agent') is not null as ready \gset

call tests.act_as('power_agent', 'pgtap-other');
select is(export_state() ->> 'workspace', 'pgtap-other', 'an agent exports its own');
select unalike(export_state()::text, '%gripper%', 'and nothing of another one');
call tests.act_as_operator('pgtap-other');
select unalike(export_state()::text, '%gripper%', 'nor does an operator there');
call tests.act_as_nobody();
select throws_ok('select export_state()', '42501', null, 'the anonymous role may not ask');

select * from finish();
rollback;

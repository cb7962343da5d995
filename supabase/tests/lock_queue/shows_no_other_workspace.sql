\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select count(*) as granted from acquire_lock(
  'subsystem', 'power', 'shell_agent', 'run-2', 60, 30, request_id => '00000000-0000-0000-0000-000000000001'
) \gset

call tests.act_as('sensing_agent');
select results_eq('select agent_name from lock_queue', array['shell_agent'], 'an agent sees its workspace');
select throws_ok('delete from lock_queue', '55000', null, 'and can shorten none');
call tests.act_as('power_agent', 'pgtap-other');
select is_empty('select * from lock_queue', 'an agent of another one sees nothing of it');
call tests.act_as_operator();
select results_eq(
  $$select agent_name from lock_queue where workspace = 'pgtap'$$, array['shell_agent'], 'an operator sees it'
);
call tests.act_as_nobody();
select throws_ok('select * from lock_queue', '42501', null, 'the anonymous role may not look');

select * from finish();
rollback;

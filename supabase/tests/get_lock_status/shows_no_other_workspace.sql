\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select count(*) as granted from acquire_lock(
  'subsystem', 'power', 'shell_agent', 'run-2', 60, 30, request_id => '00000000-0000-0000-0000-000000000001'
) \gset
prepare status as
select (s.holder).locked_by, array(select q.agent_name from unnest(s.queue) as q)
from get_lock_status('subsystem', 'power') as s;

call tests.act_as('sensing_agent');
select results_eq(
  'status', $$values ('power_agent', array['shell_agent'])$$, 'any agent of the workspace sees holder and queue'
);
call tests.act_as('power_agent', 'pgtap-other');
select results_eq('status', $$values (null::text, array[]::text[])$$, 'an agent of another one sees neither');
call tests.act_as_operator('pgtap-other');
select results_eq('status', $$values (null::text, array[]::text[])$$, 'nor does an operator there');
call tests.act_as_nobody();
select throws_ok('status', '42501', null, 'the anonymous role may not ask');

select * from finish();
rollback;

\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select to_jsonb(l) as lease from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') as l \gset
call tests.act_as('power_agent');
select is(
  (select to_jsonb(l) from release_lock('subsystem', 'power', 'run-1') as l), :'lease'::jsonb,
  'it answers with its row'
);
select is_empty('select * from agent_locks', 'which is gone');
select is_empty($$select * from release_lock('subsystem', 'power', 'run-1')$$, 'a second time there is nothing');
select is_empty(
  $$select * from agent_activity_logs where activity <> 'workspace_initialized'$$, 'a release is not logged'
);

call tests.act_as_any_agent();
select is(
  (select fencing_token from acquire_lock('subsystem', 'power', 'power_agent', 'run-2')), 2::bigint,
  'the next lease has a greater token'
);
select count(*) as granted from acquire_lock(
  'subsystem', 'power', 'shell_agent', 'run-3', 60, 30, request_id => '00000000-0000-0000-0000-000000000001'
) \gset
select release_lock('subsystem', 'power', 'run-2', 2) is not null as released \gset
select results_eq(
  'select locked_by, fencing_token, provisional from agent_locks',
  $$values ('shell_agent', 3::bigint, true)$$,
  'and who is first in line is given it at once'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
prepare ask as select * from acquire_lock(
  'subsystem', 'power', 'shell_agent', 'run-2', 60, 30, request_id => '00000000-0000-0000-0000-000000000001'
);
select is_empty('ask', 'somebody waits');

call tests.act_as('shell_agent');
select is(cancel_lock_request('00000000-0000-0000-0000-000000000001'), true, 'there was something to end');
select is_empty('select * from lock_queue', 'nobody waits any more');
select is((wait_for_lock('00000000-0000-0000-0000-000000000001')).state, 'gone', 'the request is gone');

call tests.act_as_any_agent();
select release_lock('subsystem', 'power', 'run-1') is not null as released \gset
select is_empty('ask', 'an acquire call that comes late gets nothing');
select is_empty('select * from agent_locks', 'and takes nothing');

select * from finish();
rollback;

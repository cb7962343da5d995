\ir ../callers.psql
select plan(9);

call tests.act_as('power_agent');
select to_jsonb(l) as lease from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') as l \gset
prepare release as select * from release_lock('subsystem', 'power', 'run-1', 1);
select is_empty($$select * from release_lock('subsystem', 'power', 'run-2')$$, 'another execution does not hold it');
select is_empty($$select * from release_lock('subsystem', 'power', 'run-1', 2)$$, 'nor does another token');
select throws_ok(
  $$select * from release_lock('subsystem', null, 'run-1')$$, 'PT400', 'invalid_argument', 'null is no resource'
);
select throws_ok(
  $$select * from release_lock('subsystem', 'power', '')$$, 'PT400', 'invalid_argument', 'nor is nothing an execution'
);
call tests.act_as('shell_agent');
select is_empty('release', 'an agent releases nothing for another');
call tests.act_as('power_agent', 'pgtap-other');
select is_empty('release', 'nor in another workspace');
call tests.act_as_nobody();
select throws_ok('release', '42501', null, 'the anonymous role may not ask');

call tests.act_as('power_agent');
select is((select to_jsonb(l) from agent_locks as l), :'lease'::jsonb, 'the lease is as it was');
select is((select to_jsonb(l) from release_lock('subsystem', 'power', 'run-1', 1) as l), :'lease'::jsonb, 'until now');

select * from finish();
rollback;

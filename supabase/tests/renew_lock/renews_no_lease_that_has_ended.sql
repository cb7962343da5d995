\ir ../callers.psql
select plan(5);

call tests.act_as('power_agent');
select to_jsonb(l) as lease from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') as l \gset
prepare renew as select renew_lock('subsystem', 'power', 'run-1', 1);
call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap';

call tests.act_as('power_agent');
select throws_ok('renew', 'PT409', 'lease_lost', 'a lease that has lapsed is lost, though nobody took it');
select is_empty('select * from agent_locks where expires_at > clock_timestamp()', 'and is not held again');

call tests.act_as('shell_agent');
select to_jsonb(l) as lease from acquire_lock('subsystem', 'power', 'shell_agent', 'run-2') as l \gset
call tests.act_as('power_agent');
select throws_ok('renew', 'PT409', 'lease_lost', 'so is one that was taken over');
select is((select to_jsonb(l) from agent_locks as l), :'lease'::jsonb, 'the lease of its new holder is as it was');

call tests.act_as('shell_agent');
select release_lock('subsystem', 'power', 'run-2') is not null as released \gset
select throws_ok(
  $$select renew_lock('subsystem', 'power', 'run-2', 2)$$, 'PT409', 'lease_lost', 'and one that was given back'
);

select * from finish();
rollback;

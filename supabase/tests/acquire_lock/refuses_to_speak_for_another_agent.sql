\ir ../callers.psql
select plan(2);

call tests.act_as('power_agent');

select throws_ok(
  $$select * from acquire_lock('subsystem', 'power', 'shell_agent', 'run-1')$$,
  'PT403',
  'agent_mismatch',
  'a token that names an agent speaks for no other'
);
select is_empty($$select * from agent_locks$$, 'and nothing was locked');

select * from finish();
rollback;

\ir ../callers.psql
select plan(2);

call tests.act_as('power_agent');

select lives_ok(
  $$select log_agent_activity('power_agent', 'cells_chosen')$$,
  'an agent writes to the log'
);
select is(
  cardinality((read_activity('0/0')).entries), 0,
  'what its own transaction wrote is not told before it is committed'
);

select * from finish();
rollback;

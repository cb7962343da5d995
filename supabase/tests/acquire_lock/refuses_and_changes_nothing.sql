\ir ../callers.psql
select plan(15);

call tests.act_as_any_agent();
prepare ask as select * from acquire_lock($1, $2, $3, $4, $5, $6, $7, $8);
select throws_ok(format('execute ask(%s)', b.arguments), 'PT400', 'invalid_argument', b.description) from (values
  ($$'a ', 'power', 'power_agent', 'run-1', 60, 0, 3, null$$, 'a type that ends with a space'),
  ($$'subsystem', null, 'power_agent', 'run-1', 60, 0, 3, null$$, 'no resource'),
  ($$'subsystem', 'power', '', 'run-1', 60, 0, 3, null$$, 'an empty agent'),
  ($$'subsystem', 'power', 'power_agent', null, 60, 0, 3, null$$, 'no execution'),
  ($$'subsystem', 'power', 'power_agent', 'run-1', 0, 0, 3, null$$, 'no time to live'),
  ($$'subsystem', 'power', 'power_agent', 'run-1', 86401, 0, 3, null$$, 'more than a day to live'),
  ($$'subsystem', 'power', 'power_agent', 'run-1', 60, -1, 3, null$$, 'a wait below 0'),
  ($$'subsystem', 'power', 'power_agent', 'run-1', 60, 86401, 3, gen_random_uuid()$$, 'a wait of more than a day'),
  ($$'subsystem', 'power', 'power_agent', 'run-1', 60, 5, 3, null$$, 'a wait without a request id'),
  ($$'subsystem', 'power', 'power_agent', 'run-1', 60, 0, 0, null$$, 'priority 0'),
  ($$'subsystem', 'power', 'power_agent', 'run-1', 60, 0, 5, null$$, 'priority 5')
) as b (arguments, description);
call tests.act_as_nobody();
select throws_ok(
  $$select * from acquire_lock('subsystem', 'power', 'power_agent', 'run-1')$$, '42501', null, 'the anonymous role'
);
call tests.act_as_any_agent();
select is_empty('select * from agent_locks', 'nothing was locked');

select results_eq(
  format($$select ttl_seconds from acquire_lock('file', %L, 'power_agent', 'run-1', %s)$$, b.name, b.ttl),
  array[b.ttl], format('%s s are allowed', b.ttl)
) from (values ('frame.step', 1), ('cover.step', 86400)) as b (name, ttl);

select * from finish();
rollback;

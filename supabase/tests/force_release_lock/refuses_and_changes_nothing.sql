\ir ../callers.psql
select plan(10);

call tests.act_as('power_agent');
select to_jsonb(l) as lease from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') as l \gset
prepare force as select * from force_release_lock('subsystem', 'power', 'power_agent', 'no longer needed');
select throws_ok('force', '42501', null, 'an agent may not, even its holder');
call tests.act_as_nobody();
select throws_ok('force', '42501', null, 'nor may the anonymous role');
call tests.act_as_operator();
select throws_ok(
  format('select * from force_release_lock(%s)', b.arguments), 'PT400', 'invalid_argument', b.description
) from (values
  ($$'subsystem', 'power', 'operator', null$$, 'no reason'),
  ($$'subsystem', 'power', 'operator', ' '$$, 'a blank for a reason'),
  ($$'subsystem', 'power', 'operator', repeat('x', 10001)$$, 'a reason that is too long'),
  ($$'subsystem', 'power', null, 'its machine is gone'$$, 'nobody'),
  ($$'subsystem', 'a ', 'operator', 'its machine is gone'$$, 'a name that ends with a space')
) as b (arguments, description);
call tests.act_as_operator('pgtap-other');
select is_empty('force', 'in another workspace there is nothing to end');

call tests.act_as_owner();
select is((select to_jsonb(l) from agent_locks as l where l.workspace = 'pgtap'), :'lease'::jsonb, 'it is still held');
select is_empty(
  $$select * from agent_activity_logs
    where workspace in ('pgtap', 'pgtap-other') and activity = 'lock_forced'$$,
  'and nothing was logged'
);

select * from finish();
rollback;

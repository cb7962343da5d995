\ir ../callers.psql
select plan(12);

call tests.act_as('power_agent');
select to_jsonb(l) as lease from acquire_lock('subsystem', 'power', 'power_agent', 'run-1', 60) as l \gset
prepare renew as select renew_lock('subsystem', 'power', 'run-1', 1);
select throws_ok(
  format($$select renew_lock('subsystem', %L, %L, %s)$$, b.resource, b.execution, b.token),
  'PT409', 'lease_lost', b.description
) from (values
  ('power', 'run-2', 1, 'another execution does not hold it'),
  ('power', 'run-1', 2, 'nor does another token'),
  ('shell', 'run-1', 1, 'what nobody holds is not renewed')
) as b (resource, execution, token, description);
select throws_ok(
  format('select renew_lock(%s)', b.arguments), 'PT400', 'invalid_argument', b.description
) from (values
  ($$'subsystem', 'power', 'run-1', 1, 0$$, 'no time to live'),
  ($$'subsystem', 'power', 'run-1', 1, 86401$$, 'more than a day to live'),
  ($$'subsystem', 'power', 'run-1', null$$, 'no token'),
  ($$'subsystem', '', 'run-1', 1$$, 'an empty name')
) as b (arguments, description);
call tests.act_as('shell_agent');
select throws_ok('renew', 'PT409', 'lease_lost', 'an agent renews nothing for another');
call tests.act_as('power_agent', 'pgtap-other');
select throws_ok('renew', 'PT409', 'lease_lost', 'nor in another workspace');
call tests.act_as_nobody();
select throws_ok('renew', '42501', null, 'the anonymous role may not ask');

call tests.act_as('power_agent');
select is((select to_jsonb(l) from agent_locks as l), :'lease'::jsonb, 'the lease is as it was');
select is((renew_lock('subsystem', 'power', 'run-1', 1, 86400)).ttl_seconds, 86400, 'a day is allowed');

select * from finish();
rollback;

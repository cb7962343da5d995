\ir ../callers.psql
select plan(7);

call tests.act_as('power_agent');
select throws_ok(
  format('select wait_until_unblocked(%L, %L)', w.agent, w.wait_ms), 'PT400', 'invalid_argument', w.description
) from (values
  ('power_agent', -1, 'a wait before now'), ('power_agent', 501, 'one that is too long'),
  ('power_agent', null, 'one without an end'), ('', 0, 'an empty name'), (null, 0, 'no name')
) as w (agent, wait_ms, description);
select is((wait_until_unblocked('power_agent', 500)).blocked, false, 'the longest is allowed');
call tests.act_as_nobody();
select throws_ok($$select wait_until_unblocked('power_agent', 0)$$, '42501', null, 'the anonymous role asks in vain');

select * from finish();
rollback;

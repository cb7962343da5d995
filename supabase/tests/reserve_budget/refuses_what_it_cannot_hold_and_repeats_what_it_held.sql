\ir ../callers.psql
\set id 00000000-0000-0000-0000-000000000001
select plan(11);

call tests.act_as('power_agent');
select throws_ok(
  format($$select * from reserve_budget(%L, %L, 'run-1', %s, ttl_seconds => %s)$$, b.name, b.agent, b.kg, b.ttl),
  b.sqlstate, b.slug, b.description
) from (values
  ('power', 'shell_agent', 1, 60, 'PT403', 'agent_mismatch', 'the name of another agent'),
  ('powwer', 'power_agent', 1, 60, 'PT400', 'invalid_argument', 'a budget that nobody knows'),
  ('power', 'power_agent', 0, 60, 'PT400', 'invalid_argument', 'nothing at all'),
  ('power', 'power_agent', -1, 60, 'PT400', 'invalid_argument', 'less than nothing'),
  ('power', 'power_agent', 1, 0, 'PT400', 'invalid_argument', 'no time'),
  ('power', 'power_agent', 1, 86401, 'PT400', 'invalid_argument', 'more than a day')
) as b (name, agent, kg, ttl, sqlstate, slug, description);
call tests.act_as_nobody();
select throws_ok($$select * from reserve_budget('power', 'a', 'run-1', 1)$$, '42501', null, 'the anonymous role');
call tests.act_as('power_agent');
select is_empty('select * from budget_reservations', 'nothing is held by a refusal');

select to_jsonb(r) as first from reserve_budget('power', 'power_agent', 'run-1', 8, request_id => :'id') as r \gset
select is(
  (select to_jsonb(r) from reserve_budget('power', 'power_agent', 'run-1', 8, request_id => :'id') as r),
  :'first'::jsonb,
  'the same request id gets the same reservation'
);
select throws_ok(
  format($$select * from reserve_budget('power', 'power_agent', 'run-1', 7, request_id => %L)$$, :'id'),
  'PT409', 'request_id_reused', 'and no other'
);
select is((select count(*) from budget_reservations), 1::bigint, 'there is one');

select * from finish();
rollback;

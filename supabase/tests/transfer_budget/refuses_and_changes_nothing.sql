\ir ../callers.psql
select plan(13);

call tests.act_as_any_agent();
select lives_ok(
  $$select * from reserve_budget('reserve', 'shell_agent', 'run-2', mass_kg => 1.5)$$, 'somebody holds 1.5 of 2 kg'
);
call tests.act_as('system_architect');
select throws_ok(
  format(
    $$select transfer_budget(%L, %L, reason => %L, agent_name => %L, mass_kg => %s, power_w => %s, execution_id => 'run-1')$$,
    b.source, b.target, b.reason, b.agent, b.mass_kg, b.power_w
  ),
  b.sqlstate, b.slug, b.description
) from (values
  ('shell', 'power', 'why', 'system_architect', 5.1, 0, 'PT409', 'over_budget', 'more than there is'),
  ('reserve', 'power', 'why', 'system_architect', 0.6, 0, 'PT409', 'over_budget', 'what another one holds'),
  ('shell', 'power', 'why', 'system_architect', 0, 1, 'PT409', 'over_budget', 'what was never allocated'),
  ('shell', 'shell', 'why', 'system_architect', 1, 0, 'PT400', 'invalid_argument', 'to where it comes from'),
  ('shell', 'powwer', 'why', 'system_architect', 1, 0, 'PT400', 'invalid_argument', 'to a name that nobody knows'),
  ('shell', 'power', 'why', 'system_architect', 0, 0, 'PT400', 'invalid_argument', 'nothing at all'),
  ('shell', 'power', 'why', 'system_architect', -1, 2, 'PT400', 'invalid_argument', 'less than nothing'),
  ('shell', 'power', ' ', 'system_architect', 1, 0, 'PT400', 'invalid_argument', 'without a reason'),
  ('shell', 'power', 'why', 'shell_agent', 1, 0, 'PT403', 'agent_mismatch', 'under the name of another agent')
) as b (source, target, reason, agent, mass_kg, power_w, sqlstate, slug, description);
call tests.act_as_nobody();
select throws_ok(
  $$select transfer_budget('shell', 'power', 1, 0, 0, 'why', 'system_architect')$$, '42501', null, 'by the anonymous role'
);

call tests.act_as('system_architect');
select is((select max(version) from global_constraints), 1, 'and no budget was moved');
select is(
  (transfer_budget('reserve', 'power', 0.5, 0, 0, 'why')).version, 2, 'what nobody holds may be'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(8);

call tests.act_as('power_agent');
select throws_ok(
  format($$select * from checkout_subsystem(%L, %L, 'run-1', %s, %L)$$, b.name, b.agent, b.ttl, b.reads),
  b.sqlstate, b.slug, b.description
) from (values
  ('power', 'shell_agent', 60, '{shell}', 'PT403', 'agent_mismatch', 'the name of another agent'),
  ('power ', 'power_agent', 60, '{shell}', 'PT400', 'invalid_argument', 'no name'),
  ('power', 'power_agent', 60, '{"shell "}', 'PT400', 'invalid_argument', 'no name to read'),
  ('power', 'power_agent', 0, '{shell}', 'PT400', 'invalid_argument', 'no time to live'),
  ('power', 'power_agent', 86401, '{shell}', 'PT400', 'invalid_argument', 'more than a day')
) as b (name, agent, ttl, reads, sqlstate, slug, description);
call tests.act_as_nobody();
select throws_ok(
  $$select * from checkout_subsystem('power', 'power_agent', 'run-1')$$, '42501', null, 'the anonymous role'
);

call tests.act_as('power_agent');
select is_empty('select * from agent_locks', 'and nothing was taken');
select is_empty('select * from document_dependencies', 'or read');

select * from finish();
rollback;

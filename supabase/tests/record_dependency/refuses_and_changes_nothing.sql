\ir ../callers.psql
select plan(10);

call tests.act_as('shell_agent');
select throws_ok(
  format(
    $$select record_dependency('shell', %L, %L, %L, version => %s)$$,
    b.on_subsystem, b.document, b.agent_name, b.version
  ),
  b.sqlstate, b.slug, b.description
) from (values
  ('power', 'interfaces', 'power_agent', '0', 'PT403', 'agent_mismatch', 'the name of another agent'),
  ('shell', 'interfaces', 'shell_agent', '0', 'PT400', 'invalid_argument', 'a dependency on itself'),
  ('power', 'colour', 'shell_agent', '0', 'PT400', 'invalid_argument', 'no kind of document'),
  ('power', 'interfaces', 'shell_agent', '-1', 'PT400', 'invalid_argument', 'a version below 0'),
  ('power', 'interfaces', 'shell_agent', '1', 'PT404', 'unknown_version', 'a version that is not there'),
  ('power ', 'interfaces', 'shell_agent', '0', 'PT400', 'invalid_argument', 'no name')
) as b (on_subsystem, document, agent_name, version, sqlstate, slug, description);
call tests.act_as_nobody();
select throws_ok(
  $$select record_dependency('shell', 'power', 'interfaces', 'shell_agent')$$, '42501', null, 'the anonymous role'
);

call tests.act_as('shell_agent');
select is_empty($$select * from document_dependencies$$, 'and nothing was recorded');
select is_empty($$select * from agent_activity_logs where activity = 'dependency_recorded'$$, 'or logged');
select is(
  (record_dependency('shell', 'power', 'interfaces', 'shell_agent')).seen_version,
  0,
  'a document that is not published yet is version 0'
);

select * from finish();
rollback;

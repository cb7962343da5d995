\ir ../callers.psql
select plan(8);

call tests.act_as('power_agent');
select update_subsystem_interfaces('power', '{"volts": 48}', 'power_agent') is not null as ready \gset

select is((select count(*) from diff_documents('power', 'interfaces', 0, 1)), 1::bigint, 'there is version 1');
select throws_ok(
  format($$select * from diff_documents('power', %L, 1, %s)$$, b.document, b.version),
  b.sqlstate, b.slug, b.description
) from (values
  ('interfaces', '2', 'PT404', 'unknown_version', 'no version after the latest'),
  ('interfaces', '-1', 'PT404', 'unknown_version', 'none before 0'),
  ('interfaces', 'null', 'PT404', 'unknown_version', 'null is none'),
  ('design', '0', 'PT404', 'unknown_version', 'nor is that of another document'),
  ('colour', '0', 'PT400', 'invalid_argument', 'there is no such kind of document')
) as b (document, version, sqlstate, slug, description);

call tests.act_as('power_agent', 'pgtap-other');
select throws_ok(
  $$select * from diff_documents('power', 'interfaces', 0, 1)$$,
  'PT404', 'unknown_version', 'another workspace does not see it'
);
call tests.act_as_nobody();
select throws_ok(
  $$select * from diff_documents('power', 'interfaces', 0, 1)$$, '42501', null, 'nor does the anonymous role'
);

select * from finish();
rollback;

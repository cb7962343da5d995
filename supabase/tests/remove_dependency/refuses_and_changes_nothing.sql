\ir ../callers.psql
select plan(6);

call tests.act_as('shell_agent');
select record_dependency('shell', 'power', 'design', 'shell_agent') is not null as ready \gset
select throws_ok(
  $$select * from remove_dependency('shell', 'power', 'design', 'power_agent')$$,
  'PT403', 'agent_mismatch', 'the name of another agent'
);
select throws_ok(
  $$select * from remove_dependency('shell', 'power', 'colour', 'shell_agent')$$,
  'PT400', 'invalid_argument', 'no kind of document'
);
select throws_ok(
  $$select * from remove_dependency('shell', 'shell', 'design', 'shell_agent')$$,
  'PT400', 'invalid_argument', 'a dependency on itself'
);
call tests.act_as_nobody();
select throws_ok(
  $$select * from remove_dependency('shell', 'power', 'design', 'shell_agent')$$, '42501', null, 'the anonymous role'
);
call tests.act_as('shell_agent', 'pgtap-other');
select is_empty(
  $$select * from remove_dependency('shell', 'power', 'design', 'shell_agent')$$, 'another workspace finds nothing'
);

call tests.act_as('shell_agent');
select is((select count(*) from document_dependencies), 1::bigint, 'and it is still there');

select * from finish();
rollback;

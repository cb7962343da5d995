\ir ../callers.psql
select plan(10);

call tests.act_as('power_agent');
select throws_ok($$select init_workspace('pgtap-new')$$, '42501', null, 'an agent may not');
call tests.act_as_nobody();
select throws_ok($$select init_workspace('pgtap-new')$$, '42501', null, 'nor may the anonymous role');
call tests.act_as_operator_of('pgtap');
select throws_ok(
  $$select init_workspace('pgtap-new')$$, 'PT404', 'unknown_workspace', 'nor an operator whose token names another'
);
call tests.act_as_operator();
select throws_ok(format('select init_workspace(%s)', b.arguments), 'PT400', 'invalid_argument', b.description)
from (values
  ('null', 'null for a name'),
  ($$''$$, 'an empty name'),
  ($$'pgtap new'$$, 'a name with a space'),
  ($$'p' || repeat('x', 128)$$, 'a name of 129 characters'),
  ($$'pgtap-new', null$$, 'neither with defaults nor without')
) as b (arguments, description);
select is_empty(
  $$select * from list_workspaces() where name in ('', 'pgtap new', 'pgtap-new') or length(name) > 128$$,
  'there is none of them'
);
select is((init_workspace('p' || repeat('x', 127))).name, 'p' || repeat('x', 127), '128 characters are allowed');

select * from finish();
rollback;

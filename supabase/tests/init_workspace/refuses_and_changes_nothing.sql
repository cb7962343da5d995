\ir ../callers.psql
select plan(12);

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
  ($$'pgtap-new '$$, 'a name that ends with a space'),
  ($$E'pgtap\tnew'$$, 'a name with a control character'),
  ($$normalize('Füße', NFD)$$, 'a name that is not in NFC'),
  ($$'p' || repeat('x', 128)$$, 'a name of 129 characters'),
  ($$'pgtap-new', null$$, 'neither with defaults nor without')
) as b (arguments, description);
select is_empty(
  $$select * from list_workspaces()
    where name in ('', 'pgtap-new ', E'pgtap\tnew', 'pgtap-new', normalize('Füße', NFD)) or length(name) > 128$$,
  'there is none of them'
);
select is((init_workspace(repeat('手', 128))).name, repeat('手', 128), '128 characters are allowed');

select * from finish();
rollback;

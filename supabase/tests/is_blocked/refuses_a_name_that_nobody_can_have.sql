\ir ../callers.psql
select plan(5);

call tests.act_as('power_agent');
select throws_ok(
  format('select is_blocked(%L)', n.name), 'PT400', 'invalid_argument', n.description
) from (values
  ('', 'an empty one would read as free'), ('a ', 'one that ends with a space'), (repeat('x', 129), 'a long one'),
  (null, 'none')
) as n (name, description);
call tests.act_as_nobody();
select throws_ok($$select is_blocked('power_agent')$$, '42501', null, 'the anonymous role asks in vain');

select * from finish();
rollback;

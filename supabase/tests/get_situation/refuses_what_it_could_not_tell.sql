\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select throws_ok(
  $$select get_situation('a ', 'run-1')$$, 'PT400', 'invalid_argument', 'nobody has such a name'
);
select throws_ok($$select get_situation('a', null)$$, 'PT400', 'invalid_argument', 'null is no execution');
call tests.act_as_any_agent('pgtap-other');
select is(
  (select (leases, activity)::text from get_situation('power_agent', 'run-1')), '({},{})',
  'in another workspace there is nothing to tell'
);
call tests.act_as_nobody();
select throws_ok($$select get_situation('a', 'run-1')$$, '42501', null, 'the anonymous role asks in vain');

select * from finish();
rollback;

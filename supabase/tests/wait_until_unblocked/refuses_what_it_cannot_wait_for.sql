\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select throws_ok(
  format('select wait_until_unblocked(%L)', w.agent), 'PT400', 'invalid_argument', w.description
) from (values ('', 'an empty name'), (null, 'no name')) as w (agent, description);
call tests.act_as_nobody();
select throws_ok($$select wait_until_unblocked('power_agent')$$, '42501', null, 'the anonymous role asks in vain');

select * from finish();
rollback;

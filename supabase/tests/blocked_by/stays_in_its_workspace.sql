\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent');
select log_conflict('high', 'power_agent', 'shell_agent', 'too wide', blocks => '{power_agent}')
  is not null as ready \gset
select is((select count(*) from blocked_by('power_agent')), 1::bigint, 'an agent is blocked here');
select throws_ok($$select * from blocked_by('')$$, 'PT400', 'invalid_argument', 'no name would read as free');
call tests.act_as('power_agent', 'pgtap-other');
select is_empty($$select * from blocked_by('power_agent')$$, 'its namesake of another workspace is free');
call tests.act_as_nobody();
select throws_ok($$select * from blocked_by('power_agent')$$, '42501', null, 'the anonymous role asks in vain');

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select fencing_token is not null as ready from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select log_conflict('low', 'power_agent', 'shell_agent', 'too wide') is not null as ready \gset
prepare counts as select get_board()::jsonb -> 'counts';

select results_eq(
  'counts', $$values ('{"subsystems": 7, "conflicts": 1, "leases": 1, "queue": 0}'::jsonb)$$, 'an agent sees its own'
);
call tests.act_as('power_agent', 'pgtap-other');
select results_eq(
  'counts', $$values ('{"subsystems": 7, "conflicts": 0, "leases": 0, "queue": 0}'::jsonb)$$,
  'and one of another workspace nothing of it'
);
call tests.act_as_operator('pgtap-other');
select results_eq(
  'counts', $$values ('{"subsystems": 7, "conflicts": 0, "leases": 0, "queue": 0}'::jsonb)$$,
  'nor does an operator there'
);
call tests.act_as_nobody();
select throws_ok('counts', '42501', null, 'the anonymous role may not ask');

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent', 'pgtap-other');
select update_subsystem_status('power', '{"current_mass_kg": 6}', 'run-1') is not null as ready \gset

call tests.act_as('power_agent');
select results_eq(
  $$select workspace, sum(used) from budget_usage group by workspace$$, $$values ('pgtap', 0::numeric)$$,
  'an agent sees the budgets of its workspace'
);
call tests.act_as('power_agent', 'pgtap-other');
select is((select used from budget_usage where name = 'power' and quantity = 'mass_kg'), 6::numeric, 'each its own');
call tests.act_as_operator();
select set_eq(
  $$select distinct workspace from budget_usage where workspace in ('pgtap', 'pgtap-other')$$,
  array['pgtap', 'pgtap-other'], 'an operator sees all'
);
call tests.act_as_nobody();
select throws_ok('select * from budget_usage', '42501', null, 'the anonymous role sees none');

select * from finish();
rollback;

\ir ../callers.psql
select plan(6);

call tests.act_as('power_agent');
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select results_eq(
  format(
    $$select locked_subsystem, fencing_token
      from reserve_budget('reserve', 'power_agent', 'run-1', 2, fencing_token => %s, locked_subsystem => 'power')$$,
    :token
  ),
  format($$values ('power', %s::bigint)$$, :token),
  'a reservation of the reserve is bound to the lease of a subsystem'
);
select is_empty($$select * from reserve_budget('reserve', 'power_agent', 'run-2', 0.1)$$, 'while that lives it holds');

select release_lock('subsystem', 'power', 'run-1') is not null as released \gset
select is(
  (select mass_kg from reserve_budget('reserve', 'power_agent', 'run-2', 2)), 2::numeric, 'after that it holds no more'
);
select throws_ok(
  format($$select * from reserve_budget('power', 'power_agent', 'run-1', 1, fencing_token => %s)$$, :token),
  'PT409', 'lease_lost', 'and nothing is bound to it'
);

call tests.act_as_owner();
update budget_reservations set expires_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as('power_agent');
select is(
  (select mass_kg from reserve_budget('reserve', 'power_agent', 'run-3', 2)), 2::numeric, 'as when its time is over'
);
select results_eq(
  'select execution_id from budget_reservations', $$values ('run-3')$$, 'what has ended is gone'
);

select * from finish();
rollback;

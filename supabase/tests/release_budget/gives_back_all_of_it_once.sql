\ir ../callers.psql
select plan(5);

call tests.act_as('power_agent');
select to_jsonb(r) as row, reservation_id as id from reserve_budget('power', 'power_agent', 'run-1', 8) as r \gset

select is(
  (
    select to_jsonb(r)
    from release_budget(:'id', 'run-1', request_id => '00000000-0000-0000-0000-000000000001') as r
  ),
  :'row'::jsonb,
  'it answers with what was held'
);
select results_eq(
  $$select agent_name, execution_id, details from agent_activity_logs where activity = 'budget_released'$$,
  format(
    $$values ('power_agent', 'run-1', jsonb_build_object('subsystem', 'power', 'reservation_id', %L::uuid))$$, :'id'
  ),
  'and logs it'
);
select is_empty(format($$select * from release_budget(%L, 'run-1')$$, :'id'), 'a second time there is nothing');
select is(
  (
    select to_jsonb(r)
    from release_budget(:'id', 'run-1', request_id => '00000000-0000-0000-0000-000000000001') as r
  ),
  :'row'::jsonb,
  'but the same request id gets its first answer'
);
select is(
  (select mass_kg from reserve_budget('power', 'power_agent', 'run-2', 8)), 8::numeric, 'and others can hold all of it'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as('system_architect');
select to_jsonb(g) as first from transfer_budget(
  'reserve', 'power', 1, 0, 0, 'cells', 'system_architect', request_id => '00000000-0000-0000-0000-000000000001'
) as g \gset
select transfer_budget('reserve', 'power', 1, 0, 0, 'cells', 'system_architect') is not null as ready \gset

select is(
  (
    select to_jsonb(g) from transfer_budget(
      'reserve', 'power', 1, 0, 0, 'cells', 'system_architect', request_id => '00000000-0000-0000-0000-000000000001'
    ) as g
  ),
  :'first'::jsonb,
  'the same request id gets the constraints of then, although nothing is left to move'
);
select throws_ok(
  $$select transfer_budget(
      'reserve', 'shell', 1, 0, 0, 'cells', 'system_architect', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it does for no other transfer'
);
select is((select max(version) from global_constraints), 3, 'and nothing is moved again');

call tests.act_as('system_architect', 'pgtap-other');
select is(
  (
    transfer_budget(
      'reserve', 'shell', 1, 0, 0, 'paint', 'system_architect', request_id => '00000000-0000-0000-0000-000000000001'
    )
  ).version,
  2,
  'another workspace has budgets and request ids of its own'
);

select * from finish();
rollback;

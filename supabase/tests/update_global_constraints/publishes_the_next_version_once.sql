\ir ../callers.psql
\set patch '{"height_m": 1.8, "voltage_v": null, "climate": "indoor"}'
\set id 00000000-0000-0000-0000-000000000001
select plan(5);
call tests.act_as('system_architect');
select to_jsonb(g) as first from update_global_constraints(:'patch', 'system_architect', 1, 'run-1', :'id') as g \gset
select is(
  :'first'::jsonb - 'created_at',
  (
    select to_jsonb(g) - 'created_at' || '{"version": 2, "height_m": 1.8, "voltage_v": null, "base_version": 1}'
      || '{"metadata": {"climate": "indoor"}, "created_by": "system_architect"}'
    from global_constraints as g where g.version = 1
  ),
  'absent keys keep their value, null lifts a limit, and unknown keys go to metadata'
);
select results_eq(
  $$select version, budget_allocations, metadata from update_global_constraints(
      '{"budget_allocations": {"power": {"mass_kg": 9}}, "climate": null}', 'system_architect'
    )$$,
  $$values (3, '{"power": {"mass_kg": 9}}'::jsonb, '{}'::jsonb)$$,
  'budget_allocations are replaced as a whole, and null takes a key out of metadata'
);
select is(
  (select to_jsonb(g) from update_global_constraints(:'patch', 'system_architect', 1, 'run-1', :'id') as g),
  :'first'::jsonb,
  'the same request id gets the row of then'
);
select throws_ok(
  format($$select update_global_constraints('{"height_m": 2}', 'system_architect', request_id => %L)$$, :'id'),
  'PT409', 'request_id_reused', 'it does for no other change'
);
call tests.act_as_owner();
select results_eq(
  $$select workspace, max(version) from global_constraints
    where workspace in ('pgtap', 'pgtap-other') group by workspace order by workspace$$,
  $$values ('pgtap', 3), ('pgtap-other', 1)$$, 'it publishes nothing again, and nothing in another workspace'
);

select * from finish();
rollback;

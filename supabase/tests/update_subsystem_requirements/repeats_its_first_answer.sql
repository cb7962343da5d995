\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select to_jsonb(d) as first from update_subsystem_requirements(
  'power', '{"hours": 4}', 'power_agent', request_id => '00000000-0000-0000-0000-000000000001'
) as d \gset
select update_subsystem_requirements('power', '{"volts": 48}', 'power_agent') is not null as ready \gset

select is(
  (
    select to_jsonb(d) from update_subsystem_requirements(
      'power', '{"hours": 4}', 'power_agent', request_id => '00000000-0000-0000-0000-000000000001'
    ) as d
  ),
  :'first'::jsonb,
  'the same request id gets the row of then'
);
select throws_ok(
  $$select update_subsystem_requirements(
      'power', '{}', 'power_agent', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it does for no other document'
);
select results_eq(
  $$select version, requirements from subsystem_requirements order by version$$,
  $$values (1, '{"hours": 4}'::jsonb), (2, '{"volts": 48}')$$,
  'and nothing is published again'
);

select * from finish();
rollback;

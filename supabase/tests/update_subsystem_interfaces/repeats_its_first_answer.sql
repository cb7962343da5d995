\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select to_jsonb(d) as first from update_subsystem_interfaces(
  'power', '{"volts": 24}', 'power_agent', request_id => '00000000-0000-0000-0000-000000000001'
) as d \gset
select update_subsystem_interfaces(
  'power', '{"connector": "XT90"}', 'power_agent'
) is not null as ready \gset

select is(
  (
    select to_jsonb(d) from update_subsystem_interfaces(
      'power', '{"volts": 24}', 'power_agent', request_id => '00000000-0000-0000-0000-000000000001'
    ) as d
  ),
  :'first'::jsonb,
  'the same request id gets the row of then'
);
select throws_ok(
  $$select update_subsystem_interfaces(
      'power', '{}', 'power_agent', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it does for no other document'
);
select results_eq(
  $$select version, interfaces from subsystem_interfaces order by version$$,
  $$values (1, '{"volts": 24}'::jsonb), (2, '{"connector": "XT90"}')$$,
  'and nothing is published again'
);

select * from finish();
rollback;

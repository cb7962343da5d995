\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select to_jsonb(c.lease) as first from checkout_subsystem(
  'power', 'power_agent', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
) as c \gset
select update_subsystem_requirements('power', '{"hours": 4}', 'system_architect') is not null as ready \gset
select log_conflict('critical', 'shell', 'power', 'it burns', blocks => array['power']) is not null as ready \gset

select results_eq(
  $$select to_jsonb(c.lease), (c.requirements).version from checkout_subsystem(
      'power', 'power_agent', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
    ) as c$$,
  format($$values (%L::jsonb, 1)$$, :'first'),
  'the same request id gets the same lease, also when blocked since, with what there is to read now'
);
select throws_ok(
  $$select * from checkout_subsystem(
      'shell', 'power_agent', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it does for no other subsystem'
);
select is((select array_agg(resource_name) from agent_locks), array['power'], 'there is one lease');

select release_lock('subsystem', 'power', 'run-1') is not null as released \gset
select is_empty(
  $$select * from checkout_subsystem(
      'power', 'power_agent', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'that is not shown again after its end'
);

select * from finish();
rollback;

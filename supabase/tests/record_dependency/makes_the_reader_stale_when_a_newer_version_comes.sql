\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select update_subsystem_interfaces('power', '{"volts": 24}', 'power_agent') is not null as ready \gset
select update_subsystem_interfaces('power', '{"volts": 48}', 'power_agent') is not null as ready \gset

select results_eq(
  $$select subsystem, on_subsystem, document, seen_version, accepted_version, recorded_by, execution_id
    from record_dependency('shell', 'power', 'interfaces', 'shell_agent', execution_id => 'run-1')$$,
  $$values ('shell', 'power', 'interfaces', 2, null::integer, 'shell_agent', 'run-1')$$,
  'it is on the latest version'
);
select results_eq(
  $$select agent_name, details from agent_activity_logs where activity = 'dependency_recorded'$$,
  $$values ('shell_agent', jsonb_build_object(
      'subsystem', 'shell', 'on_subsystem', 'power', 'document', 'interfaces', 'version', 2
    ))$$,
  'and logged'
);

select update_subsystem_interfaces('power', '{"volts": 60}', 'power_agent') is not null as ready \gset
select is(
  (select stale_inputs from system_status where name = 'shell'),
  jsonb_build_array(jsonb_build_object(
    'subsystem', 'power', 'document', 'interfaces', 'seen_version', 2, 'new_version', 3
  )),
  'a newer version makes it stale'
);
select is(
  (select details ->> 'subsystem' from agent_activity_logs where activity = 'inputs_changed'), 'shell', 'and is logged'
);
select is(
  (record_dependency('shell', 'power', 'interfaces', 'shell_agent', 1)).seen_version, 1, 'or the version named'
);

select * from finish();
rollback;

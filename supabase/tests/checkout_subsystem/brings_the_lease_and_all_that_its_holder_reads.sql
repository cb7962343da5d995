\ir ../callers.psql
select plan(10);

call tests.act_as_any_agent();
select update_subsystem_requirements('power', '{"hours": 4}', 'system_architect') is not null as ready \gset
select update_subsystem_requirements('shell', '{"kg": 5}', 'system_architect') is not null as ready \gset
select update_subsystem_interfaces('shell', '{"lid": 2}', 'shell_agent') is not null as ready \gset
select log_conflict('low', 'shell_agent', 'power_designer', 'too wide') is not null as ready \gset
select log_conflict('low', 'shell_agent', 'sensing_agent', 'too tall') is not null as ready \gset

call tests.act_as('power_agent');
select to_jsonb(c) as got from checkout_subsystem(
  'power', 'power_agent', 'run-1', 60, array['shell', 'skeleton', 'power'], array['shell']
) as c \gset
select is(:'got'::jsonb -> 'lease', (select to_jsonb(l) from agent_locks as l), 'the lease is the one in the table');
select results_eq(
  'select resource_name, locked_by, execution_id, ttl_seconds from agent_locks',
  $$values ('power', 'power_agent', 'run-1', 60)$$, 'it is of this subsystem and this agent'
);
select is(:'got'::jsonb -> 'status', (select to_jsonb(s) from subsystems as s where name = 'power'), 'its status');
select is(:'got'::jsonb #> '{requirements, requirements}', '{"hours": 4}', 'its requirements');
select is(:'got'::jsonb #> '{interfaces}', 'null', 'null where there is no document');
select is(:'got'::jsonb #> '{constraints, version}', '1', 'the limits');
select is(jsonb_path_query_array(:'got', '$.inputs[*].interfaces'), '[{"lid": 2}]', 'the interfaces that it reads');
select is(jsonb_path_query_array(:'got', '$.input_requirements[*].requirements'), '[{"kg": 5}]', 'and requirements');
select is(jsonb_path_query_array(:'got', '$.conflicts[*].description'), '["too wide"]', 'the conflicts about it');
select set_eq(
  'select subsystem, on_subsystem, document, seen_version, recorded_by from document_dependencies',
  $$values
    ('power', 'shell', 'interfaces', 1, 'power_agent'), ('power', 'skeleton', 'interfaces', 0, 'power_agent'),
    ('power', 'shell', 'requirements', 1, 'power_agent')$$,
  'from then on it depends on the versions that it saw, except of itself'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select update_subsystem_requirements('power', '{"hours": 2, "volts": 48}', 'power_agent') is not null as ready \gset
select record_dependency('shell', 'power', 'requirements', 'shell_agent') is not null as ready \gset
select record_dependency('sensing', 'power', 'requirements', 'sensing_agent') is not null as ready \gset
select results_eq(
  'select distinct stale_inputs from system_status', $$values ('[]'::jsonb)$$, 'none, while nothing has changed'
);
select update_subsystem_requirements('power', '{"hours": 3, "volts": 48}', 'power_agent') is not null as ready \gset
select results_eq(
  $$select name, stale_inputs from system_status where stale_inputs <> '[]'$$,
  $$select n.name, jsonb_build_array(jsonb_build_object(
      'subsystem', 'power', 'document', 'requirements', 'seen_version', 1, 'new_version', 2
    )) from unnest(array['sensing', 'shell']) as n (name)$$,
  'of each that was made from it, what changed since'
);
select record_dependency('shell', 'power', 'requirements', 'shell_agent') is not null as ready \gset
select results_eq(
  $$select name from system_status where stale_inputs <> '[]'$$, $$values ('sensing')$$,
  'not of who has seen the change'
);
call tests.act_as_any_agent('pgtap-other');
select is_empty($$select * from system_status where stale_inputs <> '[]'$$, 'nor of another workspace');

select * from finish();
rollback;

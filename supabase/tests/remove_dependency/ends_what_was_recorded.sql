\ir ../callers.psql
select plan(6);

call tests.act_as('shell_agent', 'pgtap-other');
select record_dependency('shell', 'power', 'design', 'shell_agent') is not null as ready \gset
call tests.act_as_any_agent();
select record_dependency('shell', 'power', 'design', 'shell_agent') is not null as ready \gset
select record_dependency('shell', 'power', 'interfaces', 'shell_agent') is not null as ready \gset

select results_eq(
  $$select subsystem, on_subsystem, document, recorded_by
    from remove_dependency('shell', 'power', 'design', 'skeleton_agent', 'run-1')$$,
  $$values ('shell', 'power', 'design', 'shell_agent')$$,
  'it answers with the row that was removed'
);
select is_empty(
  $$select * from remove_dependency('shell', 'power', 'design', 'skeleton_agent', 'run-1')$$,
  'then with an empty list'
);
select results_eq($$select document from document_dependencies$$, $$values ('interfaces')$$, 'others stay');
select results_eq(
  $$select agent_name, execution_id, details from agent_activity_logs where activity = 'dependency_removed'$$,
  $$values (
      'skeleton_agent', 'run-1', '{"subsystem": "shell", "on_subsystem": "power", "document": "design"}'::jsonb
    )$$,
  'the removal is logged once'
);
select update_subsystem_design('power', '{"cells": 12}', 'power_agent') is not null as ready \gset
select is(
  (select stale_inputs from system_status where name = 'shell'), '[]'::jsonb,
  'a new version makes the reader stale no more'
);

call tests.act_as_any_agent('pgtap-other');
select is((select count(*) from document_dependencies), 1::bigint, 'the other workspace keeps its own');

select * from finish();
rollback;

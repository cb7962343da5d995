\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select count(update_subsystem_interfaces('power', jsonb_build_object('volt', n), 'power_agent')) as written
from unnest(array[48, 24]) as n \gset
select to_jsonb(c) as ready from log_conflict('low', 'power', 'shell', 'too wide') as c \gset
select to_jsonb(c) as ready from resolve_conflict(1, 'cut', 'shell') as c \gset
select to_jsonb(a) as ready from log_agent_activity('power_agent', 'sized', '{"cells": 13}', 'run-1') as a \gset
select export_state() as document \gset

select results_eq(
  $$select d ->> 'format', d ->> 'workspace', jsonb_array_length(d -> 'subsystems'),
      jsonb_array_length(d -> 'global_constraints'), d -> 'subsystem_designs'
    from export_state() as d$$,
  $$values ('sharedstate/1', 'pgtap', 7, 1, '[]'::jsonb)$$,
  'it says what it is, and each section is a list, also of nothing'
);
select is(
  jsonb_path_query_array(:'document', '$.subsystem_interfaces[*].interfaces'), '[{"volt": 48}, {"volt": 24}]'::jsonb,
  'all versions of a document are in it, in order'
);
select is(
  jsonb_path_query_array(:'document', '$.conflicts[*].events[*].event'), '["opened", "resolved"]'::jsonb,
  'a conflict has its history'
);
select is(
  jsonb_path_query_first(:'document', '$.agent_activity_logs[*].details ? (@.cells > 0)'),
  '{"cells": 13}'::jsonb, 'and so has the log'
);
select is(
  export_state() - 'exported_at', :'document'::jsonb - 'exported_at',
  'asked again it is the same, also the keys of the entries'
);

select * from finish();
rollback;

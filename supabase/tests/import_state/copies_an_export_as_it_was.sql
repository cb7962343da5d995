\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select to_jsonb(d) as ready from update_subsystem_requirements('power', '{"hours": 2}', 'system_architect') as d \gset
select to_jsonb(d) as ready from update_subsystem_interfaces('power', '{"volt": 48}', 'power_agent') as d \gset
select to_jsonb(d) as ready from update_subsystem_design('power', '{"cells": [13]}', 'power_agent') as d \gset
select to_jsonb(g) as ready from update_global_constraints('{"height_m": 1.8}', 'system_architect', 1) as g \gset
select to_jsonb(d) as ready from record_dependency('shell', 'power', 'interfaces', 'shell_agent', 1) as d \gset
select count(log_conflict('low', 'power', 'shell', d)) as logged from unnest(array['too wide', 'too hot']) as d \gset
select to_jsonb(c) as ready from resolve_conflict(2, 'cooled', 'shell') as c \gset
select to_jsonb(l) as ready from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') as l \gset
select export_state() as document, export_state() - array['workspace', 'exported_at'] as content \gset

call tests.act_as_operator();
select to_jsonb(w) as ready from init_workspace('pgtap-copy', false) as w \gset
call tests.act_as_operator('pgtap-copy');
select results_eq(
  format('select count(*), bool_and(imported > 0 and unchanged + refused = 0) from import_state(%L)', :'document'),
  $$values (9::bigint, true)$$,
  'into an empty workspace each of the nine sections is imported, whole'
);
select is(export_state() - array['workspace', 'exported_at'], :'content'::jsonb, 'the copy is what the original was');
select is(
  (select array[sum(imported), sum(refused)] from import_state(:'document')), array[0, 0]::bigint[],
  'importing again changes nothing'
);
select is(
  (select fencing_token from acquire_lock('subsystem', 'power', 'power_agent', 'run-2')), 2::bigint,
  'no token is given again'
);
select is((log_conflict('low', 'power', 'shell', 'too loud')).conflict_id, 3::bigint, 'and no number of a conflict');

select * from finish();
rollback;

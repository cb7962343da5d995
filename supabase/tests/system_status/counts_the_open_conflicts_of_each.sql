\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent('pgtap-other');
select log_conflict('low', 'power_agent', 'shell_agent', 'too wide') is not null as ready \gset
call tests.act_as_any_agent();
select is((select sum(active_conflicts) from system_status), 0::numeric, 'none of another workspace');
select count(log_conflict('low', c.source, c.target, 'too wide', blocks => c.blocks)) as ready
from (values
  ('power_agent', 'shell_designer', '{}'::text[]), ('power_agent', 'shell_designer', '{}'),
  ('power', 'power_agent', '{power_designer, power}'), ('sensing_agent', 'system_architect', '{power_agent}')
) as c (source, target, blocks) \gset
select results_eq(
  'select name, active_conflicts from system_status where active_conflicts > 0',
  $$values ('power', 4::bigint), ('sensing', 1), ('shell', 2), ('system_architect', 1)$$,
  'each once, under whatever name of the subsystem and however often it is named'
);
select resolve_conflict(1, 'wider', 'shell_agent') is not null as ready \gset
select results_eq(
  $$select active_conflicts from system_status where name in ('power', 'shell') order by name$$,
  'values (3::bigint), (1)',
  'not what is resolved'
);
select reassign_conflict(2, 'skeleton_agent', 'system_architect', 'ribs') is not null as ready \gset
select results_eq(
  $$select active_conflicts from system_status where name in ('shell', 'skeleton') order by name$$,
  'values (0::bigint), (1)',
  'for the target of now'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select is_empty('select * from get_active_conflicts()', 'nothing is in the way');
select count(log_conflict(c.severity, 'power_agent', 'shell_agent', 'too wide', priority => c.priority)) as ready
from (values
  (1, 'low', 4), (2, 'low', 2), (3, 'medium', 2), (4, 'high', 2), (5, 'critical', 2), (6, 'high', 2), (7, 'low', 1)
) as c (number, severity, priority) \gset
select results_eq(
  'select conflict_id from get_active_conflicts()',
  'values (7::bigint), (5), (4), (6), (3), (2), (1)',
  'by priority, then severity, then number'
);
select resolve_conflict(5, 'wider', 'shell_agent') is not null as ready \gset
select results_eq(
  'select to_jsonb(c) from get_active_conflicts() as c offset 1 limit 1',
  'select to_jsonb(c) from conflicts as c where conflict_id = 4',
  'what was resolved is gone; what is there is the whole conflict'
);
call tests.act_as_any_agent('pgtap-other');
select is_empty('select * from get_active_conflicts()', 'another workspace sees none');

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select count(log_conflict(c.severity, 'power_agent', 'shell_agent', 'wide', '{}', c.priority, c.blocks)) as ready
from (values
  (1, 'low', 4, '{skeleton_agent}'::text[]), (2, 'low', 2, '{sensing, skeleton}'), (3, 'medium', 2, '{skeleton}'),
  (4, 'high', 2, '{skeleton}'), (5, 'critical', 2, '{skeleton}'), (6, 'high', 2, '{skeleton}'),
  (7, 'low', 1, '{skeleton_designer}'), (8, 'critical', 1, '{sensing_agent}'), (9, 'critical', 1, '{}')
) as c (number, severity, priority, blocks) \gset

select results_eq(
  $$select conflict_id from blocked_by('skeleton_agent')$$,
  'values (7::bigint), (5), (4), (6), (3), (2), (1)',
  'by priority, then severity, then number'
);
select results_eq(
  $$select conflict_id from blocked_by('sensing_designer')$$, 'values (8::bigint), (2)', 'for each agent its own'
);
select is_empty(
  $$select * from blocked_by('shell_agent') union all select * from blocked_by('power_agent')$$,
  'source and target are not blocked'
);
select resolve_conflict(7, 'done', 'shell_agent') is not null as ready \gset
select results_eq(
  $$select to_jsonb(b) from blocked_by('skeleton') as b limit 1$$,
  'select to_jsonb(c) from conflicts as c where conflict_id = 5',
  'what was resolved is gone; what is there is the whole conflict'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select count(log_agent_activity(case when n in (2, 4) then 'power_agent' else 'shell_agent' end, n::text)) as ready
from generate_series(1, 5) as n \gset
-- As if two earlier transactions had written them: 5 and 3 the first, the others the second.
call tests.act_as_owner();
delete from agent_activity_logs where workspace in ('pgtap', 'pgtap-other') and activity = 'workspace_initialized';
update agent_activity_logs set transaction_id = (case when activity in ('3', '5') then '3' else '4' end)::xid8
where workspace = 'pgtap';
call tests.act_as_any_agent();

prepare page(text, integer, text) as
select array(select e.activity from unnest(p.entries) as e), p.more
from read_activity($1, $2, $3) as p;
select results_eq(
  $$execute page('0/0', 500, null)$$, $$values ('{3, 5, 1, 2, 4}'::text[], false)$$,
  'from the start, in the order of the transactions'
);
select "cursor" as place from read_activity('0/0', 3) \gset
select results_eq(
  $$execute page('0/0', 3, null)$$, $$values ('{3, 5, 1}'::text[], true)$$, 'a full page says that there may be more'
);
select results_eq(
  format('execute page(%L, 3, null)', :'place'), $$values ('{2, 4}'::text[], false)$$,
  'the next goes on behind it, repeats none and misses none'
);
select results_eq(
  $$execute page('0/0', 500, 'shell_agent')$$, $$values ('{3, 5, 1}'::text[], false)$$, 'one agent alone'
);
select is(
  (select "cursor" from read_activity('0/0', 500, 'shell_agent')),
  (select transaction_id || '/' || id from agent_activity_logs where activity = '4'),
  'its cursor has passed over the others'
);
call tests.act_as_any_agent('pgtap-other');
select is((select "cursor" from read_activity('0/0')), '0/0', 'another workspace reads none of it');

select * from finish();
rollback;

\ir ../callers.psql
select plan(6);

call tests.act_as('power_agent');
select count(log_agent_activity('power_agent', 'cell', jsonb_build_object('n', n))) as ready
from generate_series(1, 60) as n \gset
-- One time for three of them: their ids are the order then, also at the end of a page.
call tests.act_as_owner();
update agent_activity_logs set "timestamp" = '2020-01-01 00:00+00'
where workspace = 'pgtap' and details ->> 'n' in ('1', '2', '60');
call tests.act_as('power_agent');

select results_eq(
  $$select details ->> 'n' from get_recent_activity(2)$$, $$values ('59'), ('58')$$, 'the time tells what is newest'
);
select is((select count(*) from get_recent_activity()), 50::bigint, 'fifty, if nothing was said');
select is((select count(*) from get_recent_activity(10000, 'power_agent')), 60::bigint, 'or as many as there are');
select id as last from get_recent_activity(58, 'power_agent') order by "timestamp", id limit 1 \gset
select is(
  (select details ->> 'n' from agent_activity_logs where id = :last), '60', 'of one time the highest id is first'
);
select results_eq(
  format($$select details ->> 'n' from get_recent_activity(50, 'power_agent', before_id => %s)$$, :last),
  $$values ('2'), ('1')$$,
  'the next page goes on behind the entry named'
);
call tests.act_as('power_agent', 'pgtap-other');
select is_empty(
  $$select * from get_recent_activity() where activity = 'cell'$$, 'another workspace reads none of it'
);

select * from finish();
rollback;

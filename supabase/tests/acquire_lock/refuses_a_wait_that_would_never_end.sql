\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select count(l.*) as granted
from unnest(array['power', 'shell']) as n, acquire_lock('subsystem', n, n || '_agent', 'run-' || n) as l \gset
prepare ask(text, text) as
select * from acquire_lock('subsystem', $2, $1 || '_agent', 'run-' || $1, 60, 30, 3, md5($1)::uuid);

select is_empty($$execute ask('power', 'shell')$$, 'power waits for shell');
select throws_ok($$execute ask('shell', 'power')$$, 'PT409', 'deadlock', 'so shell may not wait for power');
select results_eq('select agent_name from lock_queue', array['power_agent'], 'and is not in line');
select bag_eq(
  'select resource_name, locked_by from agent_locks',
  $$values ('power', 'power_agent'), ('shell', 'shell_agent')$$,
  'each still holds its own'
);
select release_lock('subsystem', 'shell', 'run-shell') is not null as released \gset
select is(
  (select locked_by from agent_locks where resource_name = 'shell'), 'power_agent',
  'when shell gives it back, power goes on'
);

select * from finish();
rollback;

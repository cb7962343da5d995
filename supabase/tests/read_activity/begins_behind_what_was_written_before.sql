\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent');
select id as earlier from log_agent_activity('power_agent', 'drawn') \gset
select id as later from log_agent_activity('power_agent', 'tested') \gset
-- A follower sees nothing of a transaction that still runs, as ours does: as if others had written it all.
call tests.act_as_owner();
delete from agent_activity_logs where workspace in ('pgtap', 'pgtap-other') and activity = 'workspace_initialized';
update agent_activity_logs set transaction_id = '3' where workspace = 'pgtap';
call tests.act_as('power_agent');

select is(
  (select to_jsonb(p) - 'retry_ms' from read_activity() as p),
  jsonb_build_object('entries', '[]'::jsonb, 'cursor', '3/' || :later, 'more', false),
  'without a cursor there is only the place behind the last entry'
);
select results_eq(
  format($$select to_jsonb(e) from read_activity('3/%s') as p, unnest(p.entries) as e$$, :earlier),
  format('select to_jsonb(a) from agent_activity_logs as a where a.id = %s', :later),
  'with one there is all that lies behind it, as it is in the log'
);
select is(
  (select to_jsonb(p) - 'retry_ms' from read_activity('3/' || :later) as p),
  jsonb_build_object('entries', '[]'::jsonb, 'cursor', '3/' || :later, 'more', false),
  'who has read all stays where it is'
);
call tests.act_as('power_agent', 'pgtap-other');
select is((select "cursor" from read_activity()), '0/0', 'an empty log begins at its start');

select * from finish();
rollback;

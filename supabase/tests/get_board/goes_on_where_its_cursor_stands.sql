\ir ../callers.psql
select plan(5);

call tests.act_as('power_agent');
select id as earlier from log_agent_activity('power_agent', 'drawn') \gset
select id as later from log_agent_activity('power_agent', 'tested') \gset
-- The log shows nothing of a transaction that still runs, as ours does: as if others had written it all.
call tests.act_as_owner();
delete from agent_activity_logs where workspace in ('pgtap', 'pgtap-other') and activity = 'workspace_initialized';
update agent_activity_logs set transaction_id = '3' where workspace = 'pgtap';
call tests.act_as('power_agent');

select is(
  get_board()::jsonb -> 'entries', (select jsonb_agg(a order by a.id) from agent_activity_logs as a),
  'without a cursor the newest entries, the newest last'
);
select is(
  get_board(limit_count => 1)::jsonb -> 'entries',
  (select jsonb_agg(a) from agent_activity_logs as a where a.id = :later),
  'no more than were asked for'
);
select is(get_board() ->> 'cursor', '3/' || :later, 'and the place behind the last of them');
select is(
  (select b.board -> 'entries' from (select get_board('3/' || :earlier)::jsonb) as b (board)),
  (select jsonb_agg(a) from agent_activity_logs as a where a.id = :later),
  'with a cursor all that lies behind it'
);
call tests.act_as('power_agent', 'pgtap-other');
select is(get_board() ->> 'cursor', '0/0', 'an empty log begins at its start');

select * from finish();
rollback;

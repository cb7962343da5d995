\ir ../callers.psql
select plan(12);

call tests.act_as('power_agent');
select throws_ok(
  format('select read_activity(%L, %L, %L)', f.place, f.number, f.agent), 'PT400', 'invalid_argument', f.description
) from (values
  ('', 1, null, 'an empty cursor'), ('5', 1, null, 'half a cursor'), ('a/b', 1, null, 'letters'),
  ('-1/0', 1, null, 'a place before the log'), ('9000000000000000000/0', 1, null, 'a place of another server'),
  ('0/0', 0, null, 'no entries'), ('0/0', 1001, null, 'too many'), ('0/0', null, null, 'no limit'),
  ('0/0', 1, '', 'an empty agent')
) as f (place, number, agent, description);
call tests.act_as_nobody();
select throws_ok('select read_activity()', '42501', null, 'the anonymous role asks in vain');

call tests.act_as_owner();
update agent_activity_logs
set transaction_id = case workspace when 'pgtap' then '9000000000000000000' else '3' end::xid8
where workspace in ('pgtap', 'pgtap-other');
call tests.act_as('power_agent');
select throws_ok(
  $$select read_activity('0/0')$$, 'PT409', 'log_restored', 'a log of another server would hide new entries'
);
call tests.act_as('power_agent', 'pgtap-other');
select lives_ok($$select read_activity('0/0')$$, 'that of another workspace is as it was');

select * from finish();
rollback;

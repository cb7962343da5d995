\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select count(log_agent_activity('power_agent', 'charged')) as ready from generate_series(1, 3) \gset
call tests.act_as_owner();
update agent_activity_logs set "timestamp" = '2020-01-01 00:00+00'
where workspace = 'pgtap' and activity = 'charged';

call tests.act_as_operator();
select is(
  prune_activity('2020-01-02 00:00+00', 2, '00000000-0000-0000-0000-000000000001'), 2, 'two of three are deleted'
);
select is(
  prune_activity('2020-01-02 00:00+00', 2, '00000000-0000-0000-0000-000000000001'), 2,
  'the same request id gets that number'
);
select throws_ok(
  $$select prune_activity('2020-01-02 00:00+00', 3, '00000000-0000-0000-0000-000000000001')$$,
  'PT409', 'request_id_reused', 'it is good for no other step'
);
call tests.act_as_any_agent();
select is((select count(*) from agent_activity_logs where activity = 'charged'), 1::bigint, 'and one is still there');

select * from finish();
rollback;

\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select to_jsonb(a) as first from log_agent_activity(
  'power_agent', 'charged', '{"percent": 80}', request_id => '00000000-0000-0000-0000-000000000001'
) as a \gset

select is(
  (
    select to_jsonb(a) from log_agent_activity(
      'power_agent', 'charged', '{"percent": 80}', request_id => '00000000-0000-0000-0000-000000000001'
    ) as a
  ),
  :'first'::jsonb,
  'the same request id gets the same entry'
);
select throws_ok(
  $$select log_agent_activity(
      'power_agent', 'charged', '{"percent": 90}', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it is good for no other entry'
);
select results_eq(
  $$select details from agent_activity_logs where activity = 'charged'$$, $$values ('{"percent": 80}'::jsonb)$$,
  'and there is one'
);

select * from finish();
rollback;

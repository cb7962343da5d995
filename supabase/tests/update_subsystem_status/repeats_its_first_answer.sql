\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select to_jsonb(s) as first from update_subsystem_status(
  'power', '{"state": "designing"}', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
) as s \gset
select update_subsystem_status('power', '{"state": "complete"}', 'run-1') is not null as written \gset

select is(
  (
    select to_jsonb(s) from update_subsystem_status(
      'power', '{"state": "designing"}', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
    ) as s
  ),
  :'first'::jsonb,
  'the same request id gets the row of then'
);
select throws_ok(
  $$select update_subsystem_status(
      'power', '{"state": "idle"}', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it does for no other status'
);
select results_eq(
  $$select state, version from subsystems where name = 'power'$$, $$values ('complete', 3::bigint)$$,
  'and what was written since stays'
);

select * from finish();
rollback;

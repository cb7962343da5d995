\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent');
select to_jsonb(c) as first from log_conflict(
  'high', 'power_agent', 'shell_agent', 'too wide', conflict_key => 'width',
  request_id => '00000000-0000-0000-0000-000000000001'
) as c \gset
select log_conflict('low', 'power_agent', 'shell_agent', 'less', conflict_key => 'width') is not null as ready \gset

select is(
  (
    select to_jsonb(c) from log_conflict(
      'high', 'power_agent', 'shell_agent', 'too wide', conflict_key => 'width',
      request_id => '00000000-0000-0000-0000-000000000001'
    ) as c
  ),
  :'first'::jsonb,
  'the same request id gets the conflict as it was then'
);
select results_eq(
  'select conflict_id, reports, severity from conflicts', $$values (1::bigint, 2, 'low')$$,
  'and is no further report'
);
select throws_ok(
  $$select log_conflict(
      'high', 'power_agent', 'shell_agent', 'too high', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it is good for no other conflict'
);
select is((select count(*) from conflicts), 1::bigint, 'and none was opened');

select * from finish();
rollback;

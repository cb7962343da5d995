\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select log_conflict('high', 'power_agent', 'shell', 'too wide') is not null as ready \gset
select to_jsonb(c) as first from reassign_conflict(
  1, 'skeleton', 'power_agent', 'ribs', request_id => '00000000-0000-0000-0000-000000000001'
) as c \gset
select reassign_conflict(1, 'sensing', 'power_agent', 'a camera') is not null as ready \gset

select is(
  (
    select to_jsonb(c) from reassign_conflict(
      1, 'skeleton', 'power_agent', 'ribs', request_id => '00000000-0000-0000-0000-000000000001'
    ) as c
  ),
  :'first'::jsonb,
  'the same request id gets the conflict as it was then'
);
select is((select target_agent from conflicts), 'sensing', 'and takes it from nobody');
select throws_ok(
  $$select reassign_conflict(
      1, 'shell', 'power_agent', 'ribs', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it is good for no other target'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select log_conflict('high', 'power_agent', 'shell', 'too wide') is not null as ready \gset
select resolve_conflict(1, 'wider', 'power_agent') is not null as ready \gset
select to_jsonb(c) as first from reopen_conflict(
  1, 'power_agent', 'still 2 mm', request_id => '00000000-0000-0000-0000-000000000001'
) as c \gset
select resolve_conflict(1, 'much wider', 'power_agent') is not null as ready \gset

select is(
  (
    select to_jsonb(c) from reopen_conflict(
      1, 'power_agent', 'still 2 mm', request_id => '00000000-0000-0000-0000-000000000001'
    ) as c
  ),
  :'first'::jsonb,
  'the same request id gets the open conflict of then'
);
select is((select resolution from conflicts), 'much wider', 'and leaves the new resolution');
select throws_ok(
  $$select reopen_conflict(1, 'power_agent', 'still 1 mm', request_id => '00000000-0000-0000-0000-000000000001')$$,
  'PT409', 'request_id_reused', 'it is good for no other reason'
);

select * from finish();
rollback;

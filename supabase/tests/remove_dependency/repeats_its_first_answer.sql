\ir ../callers.psql
select plan(3);

call tests.act_as('shell_agent');
select record_dependency('shell', 'power', 'design', 'shell_agent') is not null as ready \gset
select to_jsonb(d) as first from remove_dependency(
  'shell', 'power', 'design', 'shell_agent', request_id => '00000000-0000-0000-0000-000000000001'
) as d \gset
select record_dependency('shell', 'power', 'design', 'shell_agent') is not null as ready \gset

select is(
  (
    select to_jsonb(d) from remove_dependency(
      'shell', 'power', 'design', 'shell_agent', request_id => '00000000-0000-0000-0000-000000000001'
    ) as d
  ),
  :'first'::jsonb,
  'the same request id gets the row of then'
);
select throws_ok(
  $$select * from remove_dependency(
      'shell', 'power', 'interfaces', 'shell_agent', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it does for no other dependency'
);
select is((select count(*) from document_dependencies), 1::bigint, 'and what was recorded since stays');

select * from finish();
rollback;

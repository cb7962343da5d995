\ir ../callers.psql
select plan(3);

call tests.act_as_any_agent();
select to_jsonb(d) as first from record_dependency(
  'shell', 'power', 'design', 'shell_agent', request_id => '00000000-0000-0000-0000-000000000001'
) as d \gset
select update_subsystem_design('power', '{"cells": 12}', 'power_agent') is not null as ready \gset

select is(
  (
    select to_jsonb(d) from record_dependency(
      'shell', 'power', 'design', 'shell_agent', request_id => '00000000-0000-0000-0000-000000000001'
    ) as d
  ),
  :'first'::jsonb,
  'the same request id gets the row of then'
);
select throws_ok(
  $$select record_dependency(
      'skeleton', 'power', 'design', 'shell_agent', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it does for no other dependency'
);
select results_eq(
  $$select subsystem, seen_version from document_dependencies$$,
  $$values ('shell', 0)$$,
  'and a repetition has not seen what was published since'
);

select * from finish();
rollback;

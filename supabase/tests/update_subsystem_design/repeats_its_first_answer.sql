\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select to_jsonb(d) as first from update_subsystem_design(
  'power', '{"cells": 12}', 'power_agent', request_id => '00000000-0000-0000-0000-000000000001'
) as d \gset
select update_subsystem_design('power', '{"chemistry": "LFP"}', 'power_agent') is not null as ready \gset

select is(
  (
    select to_jsonb(d) from update_subsystem_design(
      'power', '{"cells": 12}', 'power_agent', request_id => '00000000-0000-0000-0000-000000000001'
    ) as d
  ),
  :'first'::jsonb,
  'the same request id gets the row of then'
);
select throws_ok(
  $$select update_subsystem_design(
      'power', '{}', 'power_agent', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it does for no other document'
);
select results_eq(
  $$select version, design_data from subsystem_designs order by version$$,
  $$values (1, '{"cells": 12}'::jsonb), (2, '{"chemistry": "LFP"}')$$,
  'and nothing is published again'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select (c.lease).fencing_token as token from checkout_subsystem('power', 'power_agent', 'run-1') as c \gset
select to_jsonb(c) as first from checkin_subsystem(
  'power', 'power_agent', 'run-1', :token, '{"state": "complete"}', design_data => '{"cells": 12}',
  request_id => '00000000-0000-0000-0000-000000000001'
) as c \gset
select (c.lease).fencing_token as later from checkout_subsystem('power', 'power_agent', 'run-2') as c \gset

select is(
  (
    select to_jsonb(c) from checkin_subsystem(
      'power', 'power_agent', 'run-1', :token, '{"state": "complete"}', design_data => '{"cells": 12}',
      request_id => '00000000-0000-0000-0000-000000000001'
    ) as c
  ),
  :'first'::jsonb,
  'the same request id gets its answer, although the lease has ended since'
);
select throws_ok(
  format(
    $$select checkin_subsystem(
      'power', 'power_agent', 'run-1', %s, request_id => '00000000-0000-0000-0000-000000000001'
    )$$, :token
  ),
  'PT409', 'request_id_reused', 'it does for no other check-in'
);
select is((select count(*) from subsystem_designs), 1::bigint, 'nothing is published again');
select is((select fencing_token from agent_locks), :later::bigint, 'and the lease of another execution is left alone');

select * from finish();
rollback;

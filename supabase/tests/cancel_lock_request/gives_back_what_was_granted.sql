\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select jsonb_agg(jsonb_build_object('resource_type', 'subsystem', 'resource_name', n)) as both
from unnest(array['power', 'shell']) as n \gset
prepare ask as select count(*) as granted from acquire_locks(
  :'both', 'power_agent', 'run-1', request_id => '00000000-0000-0000-0000-000000000001'
);
execute ask \gset
select count(*) as waiting from acquire_lock(
  'subsystem', 'shell', 'shell_agent', 'run-2', 60, 30, request_id => '00000000-0000-0000-0000-000000000002'
) \gset

select is(
  array[:granted, cancel_lock_request('00000000-0000-0000-0000-000000000001')::integer],
  array[2, 1],
  'a set that was granted is ended'
);
select results_eq(
  'select resource_name, locked_by, fencing_token from agent_locks',
  $$values ('shell', 'shell_agent', 2::bigint)$$,
  'all of it goes back, and on to the next in line'
);
select results_eq('ask', array[0::bigint], 'an acquire call that comes late gets nothing');
select throws_ok(
  $$select renew_lock('subsystem', 'power', 'run-1', 1)$$, 'PT409', 'lease_lost', 'and its token is worth nothing'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select jsonb_agg(jsonb_build_object('resource_type', 'subsystem', 'resource_name', n)) as both
from unnest(array['power', 'shell']) as n \gset
select fencing_token as token from acquire_lock('subsystem', 'shell', 'shell_agent', 'run-1') \gset
select is_empty(
  format($$select * from acquire_locks(%L, 'power_agent', 'run-2', 60, 30, 3, gen_random_uuid())$$, :'both'),
  'it does not get them at once'
);
select bag_eq(
  'select resource_name, position, agent_name from lock_queue',
  $$values ('power', 1::bigint, 'power_agent'), ('shell', 1, 'power_agent')$$,
  'but is in line for each'
);
select results_eq('select resource_name from agent_locks', array['shell'], 'and holds none');
select is_empty(
  $$select * from acquire_lock('subsystem', 'power', 'sensing_agent', 'run-3')$$,
  'a newcomer does not take the free one in its turn'
);

select release_lock('subsystem', 'shell', 'run-1') is not null as released \gset
select bag_eq(
  'select resource_name, locked_by, provisional from agent_locks',
  $$values ('power', 'power_agent', true), ('shell', 'power_agent', true)$$,
  'when the last becomes free it is given all, to be confirmed'
);
select is_empty('select * from lock_queue', 'and has left each line');

select * from finish();
rollback;

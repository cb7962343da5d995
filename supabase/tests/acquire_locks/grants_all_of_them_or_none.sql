\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select jsonb_agg(jsonb_build_object('resource_type', 'subsystem', 'resource_name', n)) as names
from unnest(array['shell', 'power', 'shell']) as n \gset
select fencing_token as token from acquire_lock('subsystem', 'shell', 'shell_agent', 'run-1') \gset
select is_empty(
  format($$select * from acquire_locks(%L, 'power_agent', 'run-2')$$, :'names'),
  'an empty list says that somebody holds one'
);
select results_eq('select resource_name from agent_locks', array['shell'], 'then none of them is taken');

select release_lock('subsystem', 'shell', 'run-1') is not null as released \gset
select bag_eq(
  format(
    $$select resource_name, locked_by, execution_id, ttl_seconds, fencing_token, provisional
      from acquire_locks(%L, 'power_agent', 'run-2', 60)$$,
    :'names'
  ),
  $$values
    ('power', 'power_agent', 'run-2', 60, 1::bigint, false), ('shell', 'power_agent', 'run-2', 60, 2, false)$$,
  'free ones are granted, each once and with a token of its own'
);
select bag_eq(
  'select resource_name, locked_by, fencing_token from agent_locks',
  $$values ('power', 'power_agent', 1::bigint), ('shell', 'power_agent', 2)$$,
  'and held'
);
call tests.act_as('power_agent', 'pgtap-other');
select is(
  (select max(fencing_token) from acquire_locks(:'names', 'power_agent', 'run-2')), 1::bigint,
  'another workspace has its own'
);

select * from finish();
rollback;

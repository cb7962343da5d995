\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');

select results_eq(
  $$select locked_by, execution_id, ttl_seconds, fencing_token
    from acquire_lock('subsystem', 'power', 'power_agent', 'run-1', ttl_seconds => 60)$$,
  $$values ('power_agent', 'run-1', 60, 1::bigint)$$,
  'the lease names its holder and has the first token'
);
select is(
  (select round(extract(epoch from expires_at - locked_at)) from agent_locks where resource_name = 'power'),
  60::numeric,
  'it lasts as long as asked for'
);
select results_eq(
  $$select fencing_token from acquire_lock('subsystem', 'power', 'power_agent', 'run-2')$$,
  $$select 0::bigint where false$$,
  'an empty list says that somebody holds it'
);

select * from finish();
rollback;

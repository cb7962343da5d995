\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select release_lock('subsystem', 'power', 'run-1') is not null as released \gset
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'lease-of-run-2') \gset
select log_conflict('low', 'power_agent', 'shell', 'too wide') is not null as ready \gset

select is(
  export_state() -> 'counters',
  '{
    "last_conflict_id": 1,
    "fencing": [{"resource_type": "subsystem", "resource_name": "power", "last_token": 2}]
  }'::jsonb,
  'the last token of each resource and the last number of a conflict are in it'
);
select unalike(export_state()::text, '%lease-of-run-2%', 'the lease is not');
select results_eq('select execution_id from agent_locks', array['lease-of-run-2'], 'it is held as before');

select * from finish();
rollback;

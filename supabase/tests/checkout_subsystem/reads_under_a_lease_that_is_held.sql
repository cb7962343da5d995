\ir ../callers.psql
select plan(7);

call tests.act_as_any_agent();
select update_subsystem_interfaces('shell', '{"lid": 1}', 'shell_agent') is not null as ready \gset
call tests.act_as('power_agent');
select expires_at, fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1', 60) \gset
call tests.act_as_any_agent();
select log_conflict('critical', 'shell', 'power', 'it burns', blocks => array['power']) is not null as ready \gset

call tests.act_as('power_agent');
prepare look as select to_jsonb(c) as got from checkout_subsystem(
  'power', 'power_agent', 'run-1', 120, array['shell'], fencing_token => :token
) as c;
execute look \gset
select is(:'got'::jsonb -> 'lease', (select to_jsonb(l) from agent_locks as l), 'the lease is the one in the table');
select results_eq(
  'select fencing_token, ttl_seconds, expires_at > ' || quote_literal(:'expires_at') || ' from agent_locks',
  format('values (%s::bigint, 120, true)', :token), 'the same one, renewed, although a critical conflict was opened since'
);
select is(jsonb_path_query_array(:'got', '$.inputs[*].interfaces'), '[{"lid": 1}]', 'all is read under it');
select results_eq(
  'select on_subsystem, seen_version from document_dependencies', $$values ('shell', 1)$$, 'and noted as read'
);

call tests.act_as('shell_agent');
select throws_ok(
  format($$select * from checkout_subsystem('power', 'shell_agent', 'run-2', fencing_token => %s)$$, :token),
  'PT409', 'lease_lost', 'another one cannot read under it'
);
call tests.act_as('power_agent');
select release_lock('subsystem', 'power', 'run-1') is not null as released \gset
select throws_ok('look', 'PT409', 'lease_lost', 'nor can its holder, once it has ended');
select is_empty('select * from agent_locks', 'and nothing is taken anew');

select * from finish();
rollback;

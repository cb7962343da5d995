\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select expires_at from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
select fencing_token is not null as ready from acquire_lock('document', 'shell', 'shell_agent', 'run-2') \gset
select results_eq(
  'select name, locked_by, lock_expires_at from system_status where locked_by is not null',
  format($$values ('power', 'power_agent', %L::timestamptz)$$, :'expires_at'),
  'of a subsystem, and not of something else with its name'
);
select release_lock('subsystem', 'power', 'run-1') is not null as ready \gset
select is_empty('select * from system_status where locked_by is not null', 'until it is released');

select fencing_token is not null as ready from acquire_lock('subsystem', 'power', 'power_agent', 'run-3') \gset
select is((select locked_by from system_status where name = 'power'), 'power_agent', 'a new lease is shown again');
call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as_any_agent();
select results_eq(
  $$select locked_by, lock_expires_at from system_status where name = 'power'$$,
  'values (null::text, null::timestamptz)',
  'and not when it has lapsed'
);

select * from finish();
rollback;

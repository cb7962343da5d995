\ir ../callers.psql
select plan(7);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_designer', 'run-1') \gset
select is_empty(
  $$select * from checkout_subsystem('power', 'power_agent', 'run-2', reads => array['shell'])$$,
  'an empty list says that somebody holds it'
);
select is_empty('select * from document_dependencies', 'and nothing was read');
select release_lock('subsystem', 'power', 'run-1') is not null as released \gset

select log_conflict('high', 'shell', 'power', 'too wide', blocks => array['power']) is not null as ready \gset
select is(
  (select (c.lease).execution_id from checkout_subsystem('power', 'power_agent', 'run-2') as c),
  'run-2',
  'a conflict that is not critical does not keep it from starting'
);
select release_lock('subsystem', 'power', 'run-2') is not null as released \gset

select log_conflict('critical', 'shell', 'power', 'it burns', blocks => array['power']) is not null as ready \gset
select results_eq(
  $$select c.lease is null, b.description
    from checkout_subsystem('power', 'power_agent', 'run-3', 60, array['shell']) as c, unnest(c.blocked_by) as b$$,
  $$values (true, 'it burns')$$,
  'a critical one that blocks an agent of its subsystem does, and is told'
);
select is_empty('select * from agent_locks', 'nothing is taken');
select is_empty('select * from document_dependencies', 'or read');
select is(
  (select (c.lease).locked_by from checkout_subsystem('power', 'shell_agent', 'run-4') as c),
  'shell_agent',
  'others are not blocked'
);

select * from finish();
rollback;

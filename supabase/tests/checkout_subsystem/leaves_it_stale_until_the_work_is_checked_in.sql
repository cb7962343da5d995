\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select update_subsystem_interfaces('shell', '{"lid": 1}', 'shell_agent') is not null as ready \gset
select (c.lease).fencing_token as token
from checkout_subsystem('power', 'power_agent', 'run-1', reads => array['shell']) as c \gset
select checkin_subsystem('power', 'power_agent', 'run-1', :token, '{"state": "complete"}') is not null as ready \gset
select update_subsystem_interfaces('shell', '{"lid": 2}', 'shell_agent') is not null as ready \gset

select (c.lease).fencing_token as token
from checkout_subsystem('power', 'power_agent', 'run-2', reads => array['shell']) as c \gset
select results_eq(
  'select seen_version, read_version, read_token from document_dependencies', format('values (1, 2, %s::bigint)', :token),
  'what a checkout reads stands apart from what the work is made from'
);
select isnt(
  (select stale_inputs from system_status where name = 'power'), '[]', 'whoever has only checked out has redone nothing'
);
select release_lock('subsystem', 'power', 'run-2') is not null as ready \gset
select isnt((select stale_inputs from system_status where name = 'power'), '[]', 'nor has who gave it back');

select (c.lease).fencing_token as token from checkout_subsystem('power', 'power_agent', 'run-3') as c \gset
select throws_ok(
  format($$select checkin_subsystem('power', 'power_agent', 'run-3', %s, '{"state": "complete"}')$$, :token),
  'PT409', 'stale_inputs', 'another one, that read nothing, cannot be checked in as complete by that'
);
select release_lock('subsystem', 'power', 'run-3') is not null as ready \gset

select (c.lease).fencing_token as token
from checkout_subsystem('power', 'power_agent', 'run-4', reads => array['shell']) as c \gset
select lives_ok(
  format($$select checkin_subsystem('power', 'power_agent', 'run-4', %s, '{"state": "complete"}')$$, :token),
  'the check-in that belongs to the checkout can'
);
select results_eq(
  'select seen_version, read_version, read_token from document_dependencies',
  'values (2, null::integer, null::bigint)',
  'and makes what that read count'
);

select * from finish();
rollback;

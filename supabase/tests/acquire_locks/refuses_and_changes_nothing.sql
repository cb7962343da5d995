\ir ../callers.psql
select plan(12);

call tests.act_as('power_agent');
select throws_ok(
  format($$select * from acquire_locks(%L, 'power_agent', 'run-1')$$, b.resources),
  'PT400', 'invalid_argument', b.description
) from (values
  (null, 'null for a list'),
  ('[]', 'an empty list'),
  ('{"resource_type": "subsystem", "resource_name": "power"}', 'an object for a list'),
  ('[{"resource_type": "subsystem"}]', 'no name'),
  ('[{"resource_type": "subsystem", "resource_name": "power"}, {"resource_type": "", "resource_name": "shell"}]',
    'an empty type beside a good one')
) as b (resources, description);
select jsonb_agg(jsonb_build_object('resource_type', 'file', 'resource_name', n::text)) as files
from generate_series(1, 100) as n \gset
select throws_ok(
  format($$select * from acquire_locks(%L || '[{"resource_type": "f", "resource_name": "g"}]'::jsonb,
    'power_agent', 'run-1')$$, :'files'),
  'PT400', 'invalid_argument', '101 of them'
);
prepare ask as
select * from acquire_locks('[{"resource_type": "subsystem", "resource_name": "power"}]', $1, 'run-1', $2, $3);
select throws_ok($$execute ask('shell_agent', 60, 0)$$, 'PT403', 'agent_mismatch', 'the name of another agent');
select throws_ok($$execute ask('power_agent', 0, 0)$$, 'PT400', 'invalid_argument', 'no time to live');
select throws_ok($$execute ask('power_agent', 60, 5)$$, 'PT400', 'invalid_argument', 'a wait without a request id');
call tests.act_as_nobody();
select throws_ok($$execute ask('power_agent', 60, 0)$$, '42501', null, 'the anonymous role');

call tests.act_as('power_agent');
select is_empty(
  'select agent_name from lock_queue union all select locked_by from agent_locks', 'nobody holds or awaits any'
);
select is(
  (select count(*) from acquire_locks(:'files', 'power_agent', 'run-1')), 100::bigint, '100 of them are allowed'
);

select * from finish();
rollback;

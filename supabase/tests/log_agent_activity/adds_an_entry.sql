\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent');
select to_jsonb(a) as answer
from log_agent_activity('power_agent', 'cells chosen', '{"cells": 13}', 'run-1') as a \gset

select results_eq(
  format($$select to_jsonb(a) from agent_activity_logs as a where a.id = %s$$, :'answer'::jsonb ->> 'id'),
  format('select %L::jsonb', :'answer'),
  'it answers the entry that it wrote'
);
select results_eq(
  $$select workspace, agent_name, activity, details, execution_id, "timestamp" between now() and clock_timestamp()
    from agent_activity_logs where agent_name = 'power_agent'$$,
  $$values ('pgtap', 'power_agent', 'cells chosen', '{"cells": 13}'::jsonb, 'run-1', true)$$,
  'with all that was said, at the time of the call'
);
select results_eq(
  $$select details, execution_id from log_agent_activity('power_agent', repeat('x', 200))$$,
  $$values ('{}'::jsonb, null::text)$$,
  'details and execution may be absent'
);
call tests.act_as('power_agent', 'pgtap-other');
select is_empty(
  $$select * from agent_activity_logs where agent_name = 'power_agent'$$, 'another workspace does not see it'
);

select * from finish();
rollback;

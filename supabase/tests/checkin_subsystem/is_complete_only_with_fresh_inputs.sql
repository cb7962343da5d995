\ir ../callers.psql
select plan(7);

call tests.act_as_any_agent();
select (c.lease).fencing_token as token
from checkout_subsystem('power', 'power_agent', 'run-1', reads => array['shell']) as c \gset
select update_subsystem_interfaces('shell', '{"lid": 1}', 'shell_agent') is not null as ready \gset

select throws_ok(
  format($$select checkin_subsystem('power', 'power_agent', 'run-1', %s, '{"state": "complete"}')$$, :token),
  'PT409', 'stale_inputs', 'it is not complete when what it was made from has changed'
);
select is((select state from subsystems where name = 'power'), 'not_started', 'and stays what it was');
select is((select fencing_token from agent_locks), :token::bigint, 'with its lease');
select lives_ok(
  format($$select checkin_subsystem('power', 'power_agent', 'run-1', %s, release => false)$$, :token),
  'work in progress may be checked in'
);
select is(
  ((
    checkin_subsystem(
      'power', 'power_agent', 'run-1', :token, '{"state": "complete"}', accept_stale => 'the lid does not matter'
    )
  ).status).state,
  'complete',
  'with a reason it is complete'
);
select results_eq(
  $$select agent_name, details ->> 'subsystem', details ->> 'reason', details -> 'inputs' -> 0 -> 'changed_paths'
    from agent_activity_logs where activity = 'stale_inputs_accepted'$$,
  $$values ('power_agent', 'power', 'the lid does not matter', '["/lid"]'::jsonb)$$,
  'which is logged'
);
select results_eq(
  'select seen_version, accepted_version from document_dependencies', 'values (0, 1)',
  'and holds for the version that there is'
);

select * from finish();
rollback;

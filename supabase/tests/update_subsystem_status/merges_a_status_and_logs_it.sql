\ir ../callers.psql
select plan(5);

call tests.act_as('power_agent');

select results_eq(
  $$select state, current_mass_kg, within_budget, metadata, version, last_execution_id from update_subsystem_status(
      'power', '{"state": "designing", "current_mass_kg": 7.5, "cells": 12, "volts": 48, "within_budget": false}',
      'run-1'
    )$$,
  $$values ('designing', 7.5, true, '{"cells": 12, "volts": 48}'::jsonb, 2::bigint, 'run-1')$$,
  'unknown keys go to metadata, and within_budget is found out, not believed'
);
select update_subsystem_status('power', '{"current_cost_usd": 900, "cells": null}', 'run-2') is not null as ready \gset
select results_eq(
  $$select state, current_mass_kg, current_cost_usd, metadata, version from subsystems where name = 'power'$$,
  $$values ('designing', 7.5, 900::numeric, '{"volts": 48}'::jsonb, 3::bigint)$$,
  'absent keys keep their value and null takes one out of metadata'
);
select results_eq(
  $$select agent_name, execution_id, details from agent_activity_logs where activity = 'status_updated' order by id$$,
  $$values
    ('power_agent', 'run-1', '{
      "subsystem": "power", "state": "designing", "version": 2,
      "current_mass_kg": 7.5, "current_cost_usd": 0, "current_power_w": 0
    }'::jsonb),
    ('power_agent', 'run-2', '{
      "subsystem": "power", "state": "designing", "version": 3,
      "current_mass_kg": 7.5, "current_cost_usd": 900, "current_power_w": 0
    }'::jsonb)$$,
  'each write is logged under the name in the token, with what the design uses'
);
select results_eq(
  $$select name, state, within_budget from update_subsystem_status('gripper', '{"iteration": 2.0}', 'run-1')$$,
  $$values ('gripper', 'not_started', true)$$,
  'an unknown subsystem is made, and uses nothing of what the totals leave'
);
call tests.act_as_owner();
select results_eq(
  $$select name, version from subsystems where workspace = 'pgtap-other' and name in ('gripper', 'power')$$,
  $$values ('power', 1::bigint)$$,
  'the other workspace stays as it was'
);

select * from finish();
rollback;

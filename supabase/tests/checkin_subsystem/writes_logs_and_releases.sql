\ir ../callers.psql
select plan(8);

call tests.act_as('power_agent');
select (c.lease).fencing_token as token from checkout_subsystem('power', 'power_agent', 'run-1') as c \gset
select to_jsonb(c) as kept from checkin_subsystem(
  'power', 'power_agent', 'run-1', :token, '{"state": "designing"}', release => false
) as c \gset
select is(
  :'kept'::jsonb - 'status', '{"interfaces": null, "design": null, "released": false}', 'a status alone is no document'
);
select is((select fencing_token from agent_locks), :token::bigint, 'the lease may be kept');
select to_jsonb(c) as done from checkin_subsystem(
  'power', 'power_agent', 'run-1', :token, '{"state": "complete", "current_mass_kg": 7}', '{"volts": 48}',
  '{"cells": 12}', 'designed', '{"hours": 3}'
) as c \gset
select is(:'done'::jsonb -> 'status', (select to_jsonb(s) from subsystems as s where name = 'power'), 'the status');
select is(:'done'::jsonb -> 'interfaces', (select to_jsonb(i) from subsystem_interfaces as i), 'the interfaces');
select is(:'done'::jsonb -> 'design', (select to_jsonb(d) from subsystem_designs as d), 'and the design are written');
select results_eq(
  $$select s.state, i.interfaces, d.design_data
    from subsystems as s, subsystem_interfaces as i, subsystem_designs as d where s.name = 'power'$$,
  $$values ('complete', '{"volts": 48}'::jsonb, '{"cells": 12}'::jsonb)$$,
  'as they were sent'
);
select is_empty('select * from agent_locks', 'the lease is released');
select results_eq(
  $$select agent_name, activity, details from agent_activity_logs where execution_id = 'run-1' order by id$$,
  $$values
    ('power_agent', 'checked_in', '{"subsystem": "power", "state": "designing", "version": 2}'::jsonb),
    ('power_agent', 'designed', '{
      "subsystem": "power", "state": "complete", "version": 3, "interfaces_version": 1, "design_version": 1,
      "current_mass_kg": 7, "current_cost_usd": 0, "current_power_w": 0, "hours": 3
    }')$$,
  'each check-in is one entry in the log'
);

select * from finish();
rollback;

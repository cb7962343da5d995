\ir ../callers.psql
select plan(5);

call tests.act_as('power_agent');
select results_eq(
  $$select version, requirements, created_by, base_version, merged
    from update_subsystem_requirements('power', '{"hours": 4}', 'power_agent', execution_id => 'run-1')$$,
  $$values (1, '{"hours": 4}'::jsonb, 'power_agent', null::integer, false)$$,
  'the first version is 1'
);
select is(
  (update_subsystem_requirements('power', '{"volts": 48}', 'power_agent', base_version => 1)).version,
  2,
  'what was made from the latest version is the next'
);
select results_eq(
  $$select version, requirements from subsystem_requirements order by version$$,
  $$values (1, '{"hours": 4}'::jsonb), (2, '{"volts": 48}')$$,
  'each version is as it was sent, and earlier ones stay'
);
select results_eq(
  $$select agent_name, execution_id, details from agent_activity_logs
    where activity = 'requirements_updated' order by id$$,
  $$values
    ('power_agent', 'run-1', '{"subsystem": "power", "version": 1, "merged": false}'::jsonb),
    ('power_agent', null, '{"subsystem": "power", "version": 2, "merged": false}')$$,
  'each is logged'
);

call tests.act_as('power_agent', 'pgtap-other');
select is(
  (update_subsystem_requirements('gripper', '{}', 'power_agent')).version,
  1,
  'another workspace counts for itself, and an unknown subsystem is made'
);

select * from finish();
rollback;

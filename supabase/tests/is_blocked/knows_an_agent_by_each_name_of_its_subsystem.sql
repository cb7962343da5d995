\ir ../callers.psql
select plan(2);

call tests.act_as_any_agent();
select log_conflict('low', 'sensing_agent', 'shell_agent', 'one', blocks => '{power_designer}')
  is not null as ready \gset
select results_eq(
  $$select n.name, is_blocked(n.name)
    from unnest(array['power', 'power_agent', 'power_designer', 'powertrain_agent', 'sensing_agent', 'shell_agent'])
      as n (name)$$,
  $$values ('power', true), ('power_agent', true), ('power_designer', true), ('powertrain_agent', false),
      ('sensing_agent', false), ('shell_agent', false)$$,
  'all of the subsystem are blocked, and neither source, target nor who has a longer name'
);
-- It works on a subsystem of the name skeleton_agent.
select log_conflict('low', 'shell_agent', 'shell_agent', 'two', blocks => '{skeleton_agent_agent, actuation_agent}')
  is not null as ready \gset
select results_eq(
  $$select is_blocked('skeleton_agent'), is_blocked('skeleton_agent_designer'),
      is_blocked('actuation_agent_designer')$$,
  'values (false, true, false)',
  'one suffix is taken off, and not two'
);

select * from finish();
rollback;

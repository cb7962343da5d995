\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select count(log_conflict('low', c.source, c.target, 'too wide', blocks => c.blocks)) as ready
from (values
  (1, 'power_agent', 'shell_agent', '{}'::text[]), (2, 'shell_agent', 'power', '{}'),
  (3, 'shell_agent', 'sensing_agent', '{skeleton_agent, power_designer}'), (4, 'shell_agent', 'powertrain', '{}')
) as c (number, source, target, blocks) \gset

select results_eq(
  $$select n.name, array(select c.conflict_id from get_active_conflicts(n.name) as c)
    from unnest(array['power', 'power_agent', 'power_designer', 'skeleton', 'actuation_agent']) as n (name)$$,
  $$values ('power', '{1, 2, 3}'::bigint[]), ('power_agent', '{1, 2, 3}'), ('power_designer', '{1, 2, 3}'),
      ('skeleton', '{3}'), ('actuation_agent', '{}')$$,
  'as source, target or blocked, under each name of its subsystem'
);
select is((select count(*) from get_active_conflicts(null)), 4::bigint, 'without a name all of them');
select throws_ok(
  $$select * from get_active_conflicts('')$$, 'PT400', 'invalid_argument',
  'an empty name would read as nothing in the way'
);
select throws_ok($$select * from get_active_conflicts('a ')$$, 'PT400', 'invalid_argument', 'nor is this a name');
call tests.act_as_nobody();
select throws_ok('select * from get_active_conflicts()', '42501', null, 'the anonymous role asks in vain');

select * from finish();
rollback;

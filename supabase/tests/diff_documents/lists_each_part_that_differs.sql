\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent');
select update_subsystem_design(
  'power', '{"pack": {"kg": 3, "a/b~": [1]}, "fuse": {"amps": 40}}', 'power_agent'
) is not null as ready \gset
select update_subsystem_design(
  'power', '{"pack": {"kg": 4}, "fuse": 40, "bus": {"volts": null}}', 'power_agent'
) is not null as ready \gset

select results_eq(
  $$select * from diff_documents('power', 'design', 1, 2)$$,
  $$values
    ('/bus', 'added', null::jsonb, '{"volts": null}'::jsonb),
    ('/fuse', 'changed', '{"amps": 40}', '40'),
    ('/pack/a~1b~0', 'removed', '[1]', null),
    ('/pack/kg', 'changed', '3', '4')$$,
  'objects are taken apart, lists and scalars are not, and each part has its JSON pointer'
);
select is_empty($$select * from diff_documents('power', 'design', 2, 2)$$, 'a version does not differ from itself');
select results_eq(
  $$select path, change from diff_documents('power', 'design', 0, 1)$$,
  $$values ('/fuse', 'added'), ('/pack', 'added')$$,
  'version 0 is the empty document before the first'
);
select results_eq(
  $$select path, change, old, new from diff_documents('power', 'design', 2, 1) where path = '/pack/kg'$$,
  $$values ('/pack/kg', 'changed', '4'::jsonb, '3'::jsonb)$$,
  'backwards, old and new change places'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(17);

call tests.act_as_operator();
select export_state() - 'exported_at' as before \gset
select throws_ok(
  format($$select * from import_state('{"format": "sharedstate/1"}'::jsonb || %L)$$, b.part),
  'PT400', 'invalid_argument', b.description
) from (values
  ('{"format": "sharedstate/2"}', 'another format'),
  ('{"format": null}', 'none'),
  ('{"robots": []}', 'an unknown section'),
  ('{"subsystems": {"name": "gripper"}}', 'a section that is no list'),
  ('{"subsystems": ["gripper"]}', 'an entry that is no object'),
  ('{"subsystems": [{"name": "gripper"}, {"name": "a "}]}', 'a bad name behind a good one'),
  ('{"subsystems": [{"name": "gripper", "version": 9007199254740993}]}', 'a version that is too large to go on'),
  ('{"subsystems": [{"name": "gripper"}], "counters": {"last_conflict_id": -1}}', 'a counter below 0'),
  ('{"subsystems": [{"name": "gripper"}], "counters": {"fencing": {}}}', 'tokens that are no list'),
  ('{"subsystems": [{"name": "gripper"}], "conflicts": [{"conflict_id": 1}]}', 'a conflict of nobody'),
  ('{"subsystems": [{"name": "gripper"}], "agent_activity_logs": [{"agent_name": "a", "activity": "b"}]}',
    'an entry of the log without a key'),
  ('{"document_dependencies": [
    {"subsystem": "shell", "on_subsystem": "shell", "document": "design", "seen_version": 0}
  ]}', 'a subsystem that depends on itself')
) as b (part, description);
select throws_ok('select * from import_state(null)', 'PT400', 'invalid_argument', 'null is no document');
select throws_ok($$select * from import_state('[]')$$, 'PT400', 'invalid_argument', 'nor is a list');

prepare import as select * from import_state('{"format": "sharedstate/1", "subsystems": [{"name": "gripper"}]}');
call tests.act_as('power_agent');
select throws_ok('import', '42501', null, 'an agent may not');
call tests.act_as_nobody();
select throws_ok('import', '42501', null, 'nor may the anonymous role');
call tests.act_as_operator();
select is(export_state() - 'exported_at', :'before'::jsonb, 'the workspace is as it was');

select * from finish();
rollback;

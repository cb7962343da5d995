\ir ../callers.psql
select plan(2);

call tests.act_as_any_agent();
select log_conflict('low', 'power_agent', 'shell_agent', 'wide', conflict_key => 'width') is not null as ready \gset
select log_conflict('high', 'shell_agent', 'power_agent', 'something else') is not null as ready \gset
select log_conflict('high', 'power_agent', 'shell_agent', 'wider', conflict_key => 'width') is not null as ready \gset
select add_conflict_note(1, 'sensing_agent', 'a camera fits') is not null as ready \gset
select reassign_conflict(1, 'skeleton_agent', 'system_architect', 'ribs') is not null as ready \gset
select resolve_conflict(1, 'moved ribs', 'skeleton_agent') is not null as ready \gset
select reopen_conflict(1, 'power_agent', 'still 2 mm') is not null as ready \gset

select results_eq(
  'select event_id, event, agent_name from get_conflict_history(1)',
  $$values (1, 'opened', 'power_agent'), (2, 'reported', 'power_agent'), (3, 'note', 'sensing_agent'),
      (4, 'reassigned', 'system_architect'), (5, 'resolved', 'skeleton_agent'), (6, 'reopened', 'power_agent')$$,
  'each step and who took it'
);
select results_eq(
  $$select details ->> 'severity', details ->> 'target_agent' from get_conflict_history(1) where event_id <= 2$$,
  $$values ('low', 'shell_agent'), ('high', 'shell_agent')$$,
  'each report as it was made'
);

select * from finish();
rollback;

\ir ../callers.psql
select plan(8);

call tests.act_as('power_agent');
select log_conflict('high', 'power_agent', 'shell_agent', 'too wide') is not null as ready \gset

select throws_ok(
  format('select add_conflict_note(%L, %L, %L)', c.number, c.agent, c.note), c.sqlstate, c.slug, c.description
) from (values
  (2, 'power_agent', 'why?', 'PT404', 'unknown_conflict', 'a number that was never given'),
  (null, 'power_agent', 'why?', 'PT400', 'invalid_argument', 'no number'),
  (1, 'power_agent', ' ', 'PT400', 'invalid_argument', 'an empty note'),
  (1, 'power_agent', repeat('x', 10001), 'PT400', 'invalid_argument', 'one that is too long'),
  (1, 'shell_agent', 'why?', 'PT403', 'agent_mismatch', 'the name of another agent')
) as c (number, agent, note, sqlstate, slug, description);
call tests.act_as('power_agent', 'pgtap-other');
select throws_ok(
  $$select add_conflict_note(1, 'power_agent', 'why?')$$, 'PT404', 'unknown_conflict', 'one of another workspace'
);
call tests.act_as_nobody();
select throws_ok($$select add_conflict_note(1, 'power_agent', 'why?')$$, '42501', null, 'the anonymous role');

call tests.act_as_owner();
select results_eq(
  $$select event from conflict_events where workspace in ('pgtap', 'pgtap-other')$$, $$values ('opened')$$,
  'no note was written'
);

select * from finish();
rollback;

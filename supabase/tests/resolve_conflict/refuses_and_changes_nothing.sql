\ir ../callers.psql
select plan(9);

call tests.act_as('shell_agent');
select log_conflict('high', 'shell_agent', 'shell_agent', 'too wide') is not null as ready \gset
select log_conflict('high', 'shell_agent', 'shell_agent', 'too high') is not null as ready \gset
select resolve_conflict(2, 'lower', 'shell_agent') is not null as ready \gset
select jsonb_agg(to_jsonb(c) order by c.conflict_id) as before from conflicts as c \gset

select throws_ok(
  format('select resolve_conflict(%L, %L, %L)', c.number, c.resolution, c.agent), c.sqlstate, c.slug, c.description
) from (values
  (3, 'wider', 'shell_agent', 'PT404', 'unknown_conflict', 'a number that was never given'),
  (2, 'wider', 'shell_agent', 'PT409', 'conflict_already_resolved', 'one that is resolved'),
  (null, 'wider', 'shell_agent', 'PT400', 'invalid_argument', 'no number'),
  (1, ' ', 'shell_agent', 'PT400', 'invalid_argument', 'no resolution'),
  (1, 'wider', 'power_agent', 'PT403', 'agent_mismatch', 'the name of another agent')
) as c (number, resolution, agent, sqlstate, slug, description);
call tests.act_as('shell_agent', 'pgtap-other');
select throws_ok(
  $$select resolve_conflict(1, 'wider', 'shell_agent')$$, 'PT404', 'unknown_conflict', 'one of another workspace'
);
call tests.act_as_nobody();
select throws_ok(
  $$select resolve_conflict(1, 'wider', 'shell_agent')$$, '42501', null, 'the anonymous role'
);

call tests.act_as('shell_agent');
select is(
  (select jsonb_agg(to_jsonb(c) order by c.conflict_id) from conflicts as c), :'before'::jsonb,
  'the conflicts are as they were'
);
select results_eq(
  $$select details ->> 'resolution' from conflict_events where event = 'resolved'$$, $$values ('lower')$$,
  'and so is their history'
);

select * from finish();
rollback;

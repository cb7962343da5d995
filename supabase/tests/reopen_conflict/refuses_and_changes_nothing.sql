\ir ../callers.psql
select plan(9);

call tests.act_as('power_agent');
select log_conflict('high', 'power_agent', 'shell', 'too wide', conflict_key => 'width') is not null as ready \gset
select resolve_conflict(1, 'wider', 'power_agent') is not null as ready \gset
select log_conflict('high', 'power_agent', 'shell', 'too wide', conflict_key => 'width') is not null as ready \gset
select log_conflict('high', 'power_agent', 'shell', 'too high') is not null as ready \gset
select resolve_conflict(3, 'lower', 'power_agent') is not null as ready \gset
select jsonb_agg(to_jsonb(c) order by c.conflict_id) as before from conflicts as c \gset

select throws_ok(
  format('select reopen_conflict(%s, %L, %L)', c.number, c.agent, c.reason), c.sqlstate, c.slug, c.description
) from (values
  (4, 'power_agent', 'why', 'PT404', 'unknown_conflict', 'a number that was never given'),
  (2, 'power_agent', 'why', 'PT409', 'conflict_not_resolved', 'one that is open'),
  (1, 'power_agent', 'why', 'PT409', 'conflict_duplicate', 'beside an open one of the same kind'),
  (3, 'power_agent', ' ', 'PT400', 'invalid_argument', 'without a reason'),
  (3, 'shell_agent', 'why', 'PT403', 'agent_mismatch', 'in the name of another agent')
) as c (number, agent, reason, sqlstate, slug, description);
call tests.act_as('power_agent', 'pgtap-other');
select throws_ok(
  $$select reopen_conflict(3, 'power_agent', 'why')$$, 'PT404', 'unknown_conflict', 'one of another workspace'
);
call tests.act_as_nobody();
select throws_ok($$select reopen_conflict(3, 'power_agent', 'why')$$, '42501', null, 'by the anonymous role');

call tests.act_as('power_agent');
select is(
  (select jsonb_agg(to_jsonb(c) order by c.conflict_id) from conflicts as c), :'before'::jsonb,
  'the conflicts are as they were'
);
select is_empty($$select * from conflict_events where event = 'reopened'$$, 'and so is their history');

select * from finish();
rollback;

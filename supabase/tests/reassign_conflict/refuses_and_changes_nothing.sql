\ir ../callers.psql
select plan(10);

call tests.act_as('power_agent');
select log_conflict('high', 'power_agent', 'shell', 'too wide', conflict_key => 'width') is not null as ready \gset
select log_conflict('high', 'power_agent', 'skeleton', 'too wide', conflict_key => 'width') is not null as ready \gset
select log_conflict('high', 'power_agent', 'sensing', 'too wide') is not null as ready \gset
select resolve_conflict(3, 'smaller', 'power_agent') is not null as ready \gset
select jsonb_agg(to_jsonb(c) order by c.conflict_id) as before from conflicts as c \gset

select throws_ok(
  format('select reassign_conflict(%s, %L, %L, %L)', c.number, c.target, c.agent, c.reason),
  c.sqlstate, c.slug, c.description
) from (values
  (4, 'shell', 'power_agent', 'why', 'PT404', 'unknown_conflict', 'a number that was never given'),
  (3, 'shell', 'power_agent', 'why', 'PT409', 'conflict_already_resolved', 'one that is resolved'),
  (1, 'skeleton', 'power_agent', 'why', 'PT409', 'conflict_duplicate', 'to whom has the same one already'),
  (1, 'a ', 'power_agent', 'why', 'PT400', 'invalid_argument', 'to what is no name'),
  (1, 'sensing', 'power_agent', ' ', 'PT400', 'invalid_argument', 'without a reason'),
  (1, 'sensing', 'shell_agent', 'why', 'PT403', 'agent_mismatch', 'in the name of another agent')
) as c (number, target, agent, reason, sqlstate, slug, description);
call tests.act_as('power_agent', 'pgtap-other');
select throws_ok(
  $$select reassign_conflict(1, 'sensing', 'power_agent', 'why')$$, 'PT404', 'unknown_conflict',
  'one of another workspace'
);
call tests.act_as_nobody();
select throws_ok(
  $$select reassign_conflict(1, 'sensing', 'power_agent', 'why')$$, '42501', null, 'by the anonymous role'
);

call tests.act_as('power_agent');
select is(
  (select jsonb_agg(to_jsonb(c) order by c.conflict_id) from conflicts as c), :'before'::jsonb,
  'the conflicts are as they were'
);
select is_empty($$select * from conflict_events where event = 'reassigned'$$, 'and so is their history');

select * from finish();
rollback;

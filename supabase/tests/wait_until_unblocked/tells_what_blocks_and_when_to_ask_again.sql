\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select log_conflict('low', 'power_agent', 'shell_agent', 'too wide', priority => 4, blocks => '{skeleton_agent}')
  is not null as ready \gset
select log_conflict('high', 'power_agent', 'shell_agent', 'high', blocks => '{skeleton}') is not null as ready \gset

select results_eq(
  $$select w.blocked, array(select c.conflict_id from unnest(w.conflicts) as c), w.retry_ms
    from wait_until_unblocked('skeleton_designer', 0) as w$$,
  $$values (true, '{2, 1}'::bigint[], 20)$$,
  'what blocks it, most urgent first'
);
select results_eq(
  $$select w.blocked, cardinality(w.conflicts) from wait_until_unblocked('skeleton_agent', 5) as w$$,
  'values (true, 2)',
  'the same when the time is up'
);
select log_conflict('low', 'power_agent', 'shell_agent', 'too deep', blocks => array(
  select 'agent-' || n from generate_series(1, 900) as n
)) is not null as ready \gset
select is((wait_until_unblocked('skeleton_agent', 0)).retry_ms, 20, 'who is blocked and does not ask is not waited for');
select count(wait_until_unblocked('agent-' || n, 0)) as ready from generate_series(1, 99) as n \gset
select is(
  (wait_until_unblocked('skeleton_agent', 0)).retry_ms, 125, 'the more agents ask, the later each asks again'
);

select * from finish();
rollback;

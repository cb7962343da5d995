\ir ../callers.psql
select plan(3);

call tests.act_as_any_agent();
select log_conflict('low', 'power_agent', 'shell_agent', 'too wide', priority => 4, blocks => '{skeleton_agent}')
  is not null as ready \gset
select log_conflict('high', 'power_agent', 'shell_agent', 'high', blocks => '{skeleton}') is not null as ready \gset

select results_eq(
  $$select w.blocked, array(select c.conflict_id from unnest(w.conflicts) as c), w.retry_ms
    from wait_until_unblocked('skeleton_designer') as w$$,
  $$values (true, '{2, 1}'::bigint[], 50)$$,
  'what blocks it, most urgent first'
);
call tests.act_as_owner();
update conflicts set created_at = clock_timestamp() - interval '8 seconds' where workspace = 'pgtap' and conflict_id = 1;
call tests.act_as_any_agent();
select cmp_ok(
  (wait_until_unblocked('skeleton_agent')).retry_ms, '>=', 800, 'it asks again after a tenth of the time it was blocked'
);
call tests.act_as_owner();
update conflicts set created_at = clock_timestamp() - interval '8 hours' where workspace = 'pgtap' and conflict_id = 1;
call tests.act_as_any_agent();
select is((wait_until_unblocked('skeleton_agent')).retry_ms, 2000, 'and after 2 s at the latest');

select * from finish();
rollback;

\ir ../callers.psql
select plan(9);

call tests.act_as('power_agent');
select log_agent_activity('power_agent', 'charged') is not null as ready \gset
call tests.act_as_owner();
update agent_activity_logs set "timestamp" = '2020-01-01 00:00+00' where workspace = 'pgtap';

call tests.act_as_operator();
select throws_ok(
  format('select prune_activity(%L, %L)', p.older_than, p.number), 'PT400', 'invalid_argument', p.description
) from (values
  (clock_timestamp() + interval '1 day', 1, 'what is to come'), (null, 1, 'no time'),
  ('2020-01-02 00:00+00', 0, 'none'), ('2020-01-02 00:00+00', 100001, 'too many'),
  ('2020-01-02 00:00+00', null, 'without a limit')
) as p (older_than, number, description);
call tests.act_as('power_agent');
select throws_ok(
  $$select prune_activity('2020-01-02 00:00+00')$$, '42501', null, 'an agent may not'
);
call tests.act_as_nobody();
select throws_ok($$select prune_activity('2020-01-02 00:00+00')$$, '42501', null, 'nor the anonymous role');

call tests.act_as('power_agent');
select is((select count(*) from agent_activity_logs where activity = 'charged'), 1::bigint, 'nothing was deleted');
call tests.act_as_operator();
select is(prune_activity('2020-01-02 00:00+00', 100000), 2, 'the largest step is allowed');

select * from finish();
rollback;

\ir ../callers.psql
select plan(5);

call tests.act_as('power_agent');
select to_jsonb(l) as lease from acquire_lock('subsystem', 'power', 'power_agent', 'run-1', 60) as l \gset
select is(
  (select to_jsonb(l) - 'expires_at' from renew_lock('subsystem', 'power', 'run-1', 1, 600) as l),
  :'lease'::jsonb - 'expires_at' || '{"ttl_seconds": 600}',
  'it is the same lease, with its new time to live'
);
select is(
  (select round(extract(epoch from expires_at - clock_timestamp()) / 10) from agent_locks), 60::numeric,
  'it lasts that long from now on'
);
select cmp_ok(
  (select expires_at from renew_lock('subsystem', 'power', 'run-1', 1, 1)),
  '<',
  (:'lease'::jsonb ->> 'expires_at')::timestamptz,
  'it may also be shortened'
);

call tests.act_as('shell_agent');
select results_eq(
  $$select provisional from acquire_lock('subsystem', 'shell', 'shell_agent', 'run-2', 300, 30, 3, gen_random_uuid())
    union all select provisional from renew_lock('subsystem', 'shell', 'run-2', 1)$$,
  array[true, false],
  'a provisional lease is confirmed'
);
select is(
  (select max(round(extract(epoch from expires_at - clock_timestamp()) / 10)) from agent_locks), 30::numeric,
  'and has its full time'
);

select * from finish();
rollback;

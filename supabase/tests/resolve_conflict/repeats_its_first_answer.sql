\ir ../callers.psql
select plan(3);

call tests.act_as('shell_agent');
select log_conflict('high', 'shell_agent', 'shell_agent', 'too wide') is not null as ready \gset
select to_jsonb(c) as first from resolve_conflict(
  1, 'wider', 'shell_agent', '{"from_subsystem": "reserve", "to_subsystem": "shell", "mass_kg": 0.5}',
  request_id => '00000000-0000-0000-0000-000000000001'
) as c \gset
select reopen_conflict(1, 'shell_agent', 'not wide enough') is not null as ready \gset

select is(
  (
    select to_jsonb(c) from resolve_conflict(
      1, 'wider', 'shell_agent', '{"from_subsystem": "reserve", "to_subsystem": "shell", "mass_kg": 0.5}',
      request_id => '00000000-0000-0000-0000-000000000001'
    ) as c
  ),
  :'first'::jsonb,
  'the same request id gets the resolution of then, although it was opened again'
);
select results_eq(
  'select c.status, max(g.version) from conflicts as c, global_constraints as g group by c.status',
  $$values ('open', 2)$$,
  'it is not resolved again, and no more budget is moved'
);
select throws_ok(
  $$select resolve_conflict(
      1, 'much wider', 'shell_agent', request_id => '00000000-0000-0000-0000-000000000001'
    )$$,
  'PT409', 'request_id_reused', 'it is good for no other resolution'
);

select * from finish();
rollback;

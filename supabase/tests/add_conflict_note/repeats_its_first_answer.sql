\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select log_conflict('high', 'power_agent', 'shell_agent', 'too wide') is not null as ready \gset
select to_jsonb(e) as first from add_conflict_note(
  1, 'power_agent', 'why?', request_id => '00000000-0000-0000-0000-000000000001'
) as e \gset

select is(
  (
    select to_jsonb(e) from add_conflict_note(
      1, 'power_agent', 'why?', request_id => '00000000-0000-0000-0000-000000000001'
    ) as e
  ),
  :'first'::jsonb,
  'the same request id gets the same entry'
);
select throws_ok(
  $$select add_conflict_note(1, 'power_agent', 'how?', request_id => '00000000-0000-0000-0000-000000000001')$$,
  'PT409', 'request_id_reused', 'it is good for no other note'
);
select results_eq(
  'select event from get_conflict_history(1)', $$values ('opened'), ('note')$$, 'and there is one note'
);

select * from finish();
rollback;

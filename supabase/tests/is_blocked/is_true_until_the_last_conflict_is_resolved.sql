\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select ok(not is_blocked('shell_agent'), 'nothing blocks');
select log_conflict('low', 'power_agent', 'skeleton_agent', 'one', blocks => '{shell_agent}')
  is not null as ready \gset
select log_conflict('low', 'power_agent', 'skeleton_agent', 'two', blocks => '{sensing_agent, shell}')
  is not null as ready \gset
select ok(is_blocked('shell_agent'), 'a conflict of any severity blocks whom it names');
select resolve_conflict(1, 'done', 'skeleton_agent') is not null as ready \gset
select ok(is_blocked('shell_agent'), 'one of them is enough');
call tests.act_as_any_agent('pgtap-other');
select ok(not is_blocked('shell_agent'), 'in another workspace the agent is free');
call tests.act_as_any_agent();
select resolve_conflict(2, 'done', 'skeleton_agent') is not null as ready \gset
select ok(not is_blocked('shell_agent'), 'and at last here');
select reopen_conflict(2, 'power_agent', 'not done') is not null as ready \gset
select ok(is_blocked('shell_agent'), 'until it is opened again');

select * from finish();
rollback;

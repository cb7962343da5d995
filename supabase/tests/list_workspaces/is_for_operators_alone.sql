\ir ../callers.psql
select plan(3);

call tests.act_as('power_agent');
select throws_ok('select * from list_workspaces()', '42501', null, 'an agent may not ask');
call tests.act_as_nobody();
select throws_ok('select * from list_workspaces()', '42501', null, 'nor may the anonymous role');
call tests.act_as_operator();
select isnt_empty($$select * from list_workspaces() where name = 'pgtap'$$, 'an operator may');

select * from finish();
rollback;

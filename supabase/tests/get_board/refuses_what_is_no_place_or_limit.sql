\ir ../callers.psql
select plan(3);

call tests.act_as_any_agent();
select throws_ok($$select get_board('yesterday')$$, 'PT400', 'invalid_argument', 'a text that is no cursor');
select throws_ok('select get_board(limit_count => 0)', 'PT400', 'invalid_argument', 'no rows');
select throws_ok('select get_board(limit_count => 1001)', 'PT400', 'invalid_argument', 'too many rows');

select * from finish();
rollback;

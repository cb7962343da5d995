\ir ../callers.psql
select plan(4);

call tests.act_as('power_agent');
select matches(schema_version(), '^[0-9]{14}$', 'it has 14 digits');
select is(schema_version(), (select schema_version from health()), 'health says the same');
call tests.act_as_operator('pgtap-other');
select is(schema_version(), (select schema_version from health()), 'operators may ask, too');
call tests.act_as_nobody();
select throws_ok('select schema_version()', '42501', null, 'the anonymous role has health for it');

select * from finish();
rollback;

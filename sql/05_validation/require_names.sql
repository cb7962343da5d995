create or replace function core.require_names(p_argument text, p_names text[])
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_name text;
begin
  if array_ndims(p_names) > 1 or cardinality(p_names) > 1000 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is no flat list of up to 1000 names'),
      'Send a list of names.'
    );
  end if;
  foreach v_name in array coalesce(p_names, '{}') loop
    perform core.require_name(p_argument, v_name);
  end loop;
  return true;
end;
$$;

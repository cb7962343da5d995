create or replace function core.require_name(p_argument text, p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if not core.is_name(p_name) then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', p_argument,
        'reason', case when p_name is null then 'is missing' else 'is not a valid name' end,
        'value', left(p_name, 200)
      ),
      'A name has 1 to 128 characters of A-Z a-z 0-9 _ . : @ / - and starts with a letter or digit.'
    );
  end if;
  return true;
end;
$$;

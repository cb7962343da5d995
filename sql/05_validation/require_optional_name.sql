create or replace function core.require_optional_name(p_argument text, p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_name is null or core.require_name(p_argument, p_name);
end;
$$;

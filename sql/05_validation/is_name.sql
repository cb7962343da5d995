create or replace function core.is_name(p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return core.name_fault(p_name) is null;
end;
$$;

comment on function core.is_name(text) is
'True for 1 to 128 characters in Unicode NFC, none a control character, no space at the beginning or end.';

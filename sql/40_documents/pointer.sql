-- The JSON pointer (RFC 6901) of a key below another pointer; '' is the whole document.
create or replace function core.pointer(p_parent text, p_key text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_parent || '/' || replace(replace(p_key, '~', '~0'), '/', '~1');
end;
$$;

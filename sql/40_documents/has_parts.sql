-- Whether a value is taken apart, key by key, when documents are merged or compared: objects are, down
-- to a hundred levels. Below, as anything that is no object, it is one part: each level of a merge
-- takes some of the server's stack, and no document may use that up.
create or replace function core.has_parts(p_value jsonb, p_depth integer)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(jsonb_typeof(p_value) = 'object', false) and p_depth < 100;
end;
$$;

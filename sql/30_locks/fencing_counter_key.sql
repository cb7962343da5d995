-- The advisory lock that stands before a fencing counter. Row locks that are shared let every newcomer pass
-- whoever waits for the whole row; with overlapping writes it would wait for ever. An advisory lock has one
-- line for both kinds. Writers share it, and a grant takes it when it cannot have the counter at once.
create or replace function core.fencing_counter_key(p_workspace text, p_resource_type text, p_resource_name text)
returns bigint
language plpgsql
immutable
set search_path = ''
as $$
begin
  return hashtextextended('counter/' || p_workspace || '/' || p_resource_type || '/' || p_resource_name, 0);
end;
$$;

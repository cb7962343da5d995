-- Locks the rows of these subsystems until commit, those that there are, by name.
create or replace function core.lock_subsystems(p_workspace text, p_names text[])
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform from public.subsystems as s
  where s.workspace = p_workspace and s.name = any(p_names)
  order by s.name
  for no key update;
  return found;
end;
$$;

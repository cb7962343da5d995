-- The content of one version, null if there is none of that number.
create or replace function core.constraints_of_version(p_workspace text, p_version integer)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_version = 0 then
    return core.constraints_content(core.no_constraints(p_workspace));
  end if;
  return (
    select core.constraints_content(g) from public.global_constraints as g
    where g.workspace = p_workspace and g.version = p_version
  );
end;
$$;

-- The content of one version, null if there is none of that number. Version 0 is what was there before
-- the first: no limit, no budget.
create or replace function core.constraints_of_version(p_workspace text, p_version integer)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_row public.global_constraints;
begin
  if p_version = 0 then
    v_row.budget_allocations := '{}';
    v_row.metadata := '{}';
    return core.constraints_content(v_row);
  end if;
  return (
    select core.constraints_content(g) from public.global_constraints as g
    where g.workspace = p_workspace and g.version = p_version
  );
end;
$$;

-- Whether the caller's token opens this workspace: any, unless it names one.
create or replace function core.is_open_workspace(p_workspace text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return not core.jwt_claims() ? 'workspace'
    or coalesce(core.jwt_claims() ->> 'workspace' = p_workspace, false);
end;
$$;

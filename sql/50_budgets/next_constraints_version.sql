-- The version after p_latest, whose lock the caller holds. The first of a workspace is 1, or after a restore one
-- that has never been given.
create or replace function core.next_constraints_version(p_latest public.global_constraints)
returns integer
language plpgsql
set search_path = ''
as $$
begin
  if p_latest.version > 0 then
    return p_latest.version + 1;
  end if;
  return (
    select w.last_lost_version + 1 from core.workspaces as w where w.name = p_latest.workspace
  );
end;
$$;

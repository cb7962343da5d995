-- Resolves the open conflict about an overrun that has ended; false where there is none.
create or replace function core.settle_overrun(
  p_workspace text,
  p_source text,
  p_conflict_key text,
  p_resolution text,
  p_execution_id text
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_conflict_id bigint;
begin
  select o.conflict_id into v_conflict_id
  from core.find_open_conflict(p_workspace, p_source, 'system_architect', p_conflict_key) as o;
  if not found then
    return false;
  end if;
  return core.settle_conflict(p_workspace, v_conflict_id, p_resolution, 'sharedstate', p_execution_id) is not null;
end;
$$;

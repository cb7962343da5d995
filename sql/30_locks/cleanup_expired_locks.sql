-- Not needed for correctness: an expired lease is free to take anyway. It deletes their rows and logs each as lost.
-- From psql it works on all workspaces, through the API on the caller's. It locks leases in no fixed order, so it skips
-- those that are locked: to wait for them could deadlock.
create or replace function core.cleanup_expired_locks()
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  -- Without claims the caller is an operator in psql or Studio: all workspaces.
  v_workspace constant text := case
    when current_setting('request.jwt.claims', true) <> '' then core.current_workspace()
  end;
  v_lease public.agent_locks;
  v_count integer := 0;
begin
  for v_lease in
    -- Materialized, because a join may run a subquery more than once.
    with lapsed as materialized (
      select o.workspace, o.resource_type, o.resource_name from public.agent_locks as o
      where o.expires_at <= clock_timestamp() and (v_workspace is null or o.workspace = v_workspace)
      for update skip locked
    )
    delete from public.agent_locks as l
    using lapsed
    where l.workspace = lapsed.workspace
      and l.resource_type = lapsed.resource_type and l.resource_name = lapsed.resource_name
    returning l.*
  loop
    perform core.write_lock_lost(v_lease, 'expired');
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

create or replace function public.cleanup_expired_locks()
returns integer
language sql
set search_path = ''
as $$
  select core.cleanup_expired_locks();
$$;

comment on function public.cleanup_expired_locks() is
'Removes leases that have lapsed and returns how many; repeating it is harmless. From psql: in all workspaces.';

-- Fencing counters give each lease a greater token than all before it, and keep grants and writes apart.
--
-- Every resource that was ever locked has one. A grant locks it `for update`, so two grants of a resource never run at
-- the same time. A write shares it (`for key share`) until commit. No grant can happen meanwhile, so what the writer
-- has read of the lease stays true.
--
-- An advisory lock comes before the row, because Postgres grants a shared row lock even if somebody waits for the whole
-- row: with overlapping writes a grant would wait for ever. Advisory locks queue for both kinds. Writers share it; a
-- grant takes it if it cannot have the row at once. Both functions below must make its key in the same way.
--
-- Lock order: before the lease of the same resource; of several resources one after another, by type and name.

-- Locks the counter of one resource for a grant, until commit. False if that takes longer than a second, because others
-- write the resource all that time: calls that wait would fill the connection pool that the writers need.
create or replace function core.lock_fencing_counter(p_workspace text, p_resource_type text, p_resource_name text)
returns boolean
language plpgsql
set search_path = ''
set lock_timeout = '1s'
as $$
begin
  perform from core.fencing_counters as c
  where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
  for update skip locked;
  if found then
    return true;
  end if;
  begin
    -- It does not exist yet, or it is locked. Behind the advisory lock only those are waited for who came before.
    perform pg_advisory_xact_lock(
      hashtextextended('counter/' || p_workspace || '/' || p_resource_type || '/' || p_resource_name, 0)
    );
    insert into core.fencing_counters (workspace, resource_type, resource_name)
    values (p_workspace, p_resource_type, p_resource_name)
    on conflict do nothing;
    perform from core.fencing_counters as c
    where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
    for update;
    return true;
  exception
    when lock_not_available then
      return false;
  end;
end;
$$;

-- Shares the counter for a write, until commit.
create or replace function core.share_fencing_counter(p_workspace text, p_resource_type text, p_resource_name text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(
    hashtextextended('counter/' || p_workspace || '/' || p_resource_type || '/' || p_resource_name, 0)
  );
  perform from core.fencing_counters as c
  where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
  for key share;
  if not found then
    insert into core.fencing_counters (workspace, resource_type, resource_name)
    values (p_workspace, p_resource_type, p_resource_name)
    on conflict do nothing;
    perform from core.fencing_counters as c
    where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
    for key share;
  end if;
  return true;
end;
$$;

-- Makes the missing counters of these resources, because core.hand_over cannot make any. False if another transaction
-- makes one and does not commit in time: then core.hand_over skips the ticket, which is granted when its client asks.
create or replace function core.make_fencing_counters(p_workspace text, p_resources core.resource[])
returns boolean
language plpgsql
set search_path = ''
set lock_timeout = '100ms'
as $$
begin
  insert into core.fencing_counters (workspace, resource_type, resource_name)
  select p_workspace, r.resource_type, r.resource_name from unnest(p_resources) as r
  on conflict do nothing;
  return true;
exception
  when lock_not_available then
    return false;
end;
$$;

-- Fencing counters: they give each lease a greater token than all before it, and keep grants and writes apart.
--
-- Every resource that was ever locked has one. A grant locks it `for update`, so that no two grants of a resource run
-- side by side. A write shares it (`for key share`): as long as it does, no grant of the resource can happen, so what
-- the writer finds out about the lease stays true until it commits.
--
-- Before the row stands an advisory lock. Row locks that are shared let every newcomer pass whoever waits for the
-- whole row; with overlapping writes it would wait for ever. An advisory lock has one line for both kinds. Writers
-- share it, and a grant takes it when it cannot have the counter at once. Its key is made alike in both functions.
--
-- Lock order: before the lease of the same resource; of several resources one after another, by type and name.

-- Puts the caller in line for grants of one resource, until commit. False if that takes longer than a second: somebody
-- writes the resource all that time, and whoever asks for it must not fill the pool that the writer needs.
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
    -- It does not exist yet, or somebody has it: in line with the writers, so that it waits for those who came before
    -- and no others.
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

-- A writer's share of the counter.
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

-- Makes the counters that these resources do not have yet, because core.hand_over can make none. False if
-- somebody else is making one and does not come to an end: then the first in line takes its turn by itself.
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

-- Finding and locking conflicts.
--
-- Of one source, target and key at most one conflict is open. Both targets of a conflict count: the one that it has
-- now, and the one that it was reported to, because its source need not know that it was reassigned. Conflicts without
-- a key are all different.
--
-- A function that may open, reopen or reassign a conflict locks the workspace's conflict counter first. Then the answer
-- to "is one open?" stays true until commit.
--
-- Lock order: the counter comes after the workspace's row and subsystem rows, and before the rows of conflicts. A
-- transaction that resolves one conflict and may report another afterwards locks the counter first.

-- Keeps other reports in this workspace waiting until commit.
create or replace function core.lock_conflict_counter(p_workspace text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform from core.conflict_counters as n where n.workspace = p_workspace for no key update;
  return found;
end;
$$;

-- Locks a conflict's row until commit, or raises unknown_conflict.
create or replace function core.lock_conflict(p_workspace text, p_conflict_id bigint)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_row public.conflicts;
begin
  select * into v_row from public.conflicts as c
  where c.workspace = p_workspace and c.conflict_id = p_conflict_id
  for no key update;
  if not found then
    perform core.fail(
      'unknown_conflict',
      jsonb_build_object('conflict_id', p_conflict_id),
      'See get_active_conflicts for the open ones.'
    );
  end if;
  return v_row;
end;
$$;

-- The same for an open conflict, else conflict_already_resolved.
create or replace function core.lock_open_conflict(p_workspace text, p_conflict_id bigint)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_row constant public.conflicts := core.lock_conflict(p_workspace, p_conflict_id);
begin
  if v_row.status <> 'open' then
    perform core.fail(
      'conflict_already_resolved',
      jsonb_build_object(
        'conflict_id', p_conflict_id, 'resolved_by', v_row.resolved_by,
        'resolved_at', v_row.resolved_at, 'resolution', v_row.resolution
      ),
      'Read the resolution in the detail; open a new conflict if it does not settle yours.'
    );
  end if;
  return v_row;
end;
$$;

-- The open conflict of this source, target and key, locked until commit; no row if there is none. A caller that may
-- report afterwards holds the counter.
create or replace function core.find_open_conflict(
  p_workspace text,
  p_source text,
  p_target text,
  p_conflict_key text
)
returns setof public.conflicts
language plpgsql
rows 1
set search_path = ''
as $$
begin
  return query
  select * from public.conflicts as c
  where c.workspace = p_workspace and c.source_agent = p_source and c.conflict_key = p_conflict_key
    and p_target in (c.target_agent, c.reported_to) and c.status = 'open'
  for no key update;
end;
$$;

-- Another open conflict of the same source and key that counts for this target, or for the one that p_conflict was
-- reported to; null if there is none. The caller holds the counter. The row is locked, so one that is being resolved at
-- this moment is waited for, and then does not count.
create or replace function core.find_duplicate(p_conflict public.conflicts, p_target text)
returns bigint
language plpgsql
set search_path = ''
as $$
begin
  return (
    select c.conflict_id from public.conflicts as c
    where c.workspace = p_conflict.workspace and c.source_agent = p_conflict.source_agent
      and c.conflict_key = p_conflict.conflict_key and c.status = 'open'
      and (p_target in (c.target_agent, c.reported_to) or p_conflict.reported_to in (c.target_agent, c.reported_to))
      and c.conflict_id <> p_conflict.conflict_id
    order by c.conflict_id
    limit 1
    for no key update
  );
end;
$$;

-- Checks that a conflict may be reopened, or get another target.
create or replace function core.require_no_duplicate(p_conflict public.conflicts, p_target text)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_other constant bigint := core.find_duplicate(p_conflict, p_target);
begin
  if v_other is not null then
    perform core.fail(
      'conflict_duplicate',
      jsonb_build_object('conflict_id', p_conflict.conflict_id, 'duplicate_of', v_other),
      'Go on with the open one of the same source, target and key: its number is in duplicate_of.'
    );
  end if;
  return true;
end;
$$;

-- The subsystem whose budget a conflict of the database is about, or robot for the totals; null for other conflicts.
create or replace function core.watched_subsystem(p_conflict public.conflicts)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when p_conflict.conflict_key in ('sharedstate:budget', 'sharedstate:totals')
      and 'system_architect' in (p_conflict.target_agent, p_conflict.reported_to)
      then p_conflict.source_agent
  end;
end;
$$;

-- Finding and locking conflicts.
--
-- Of one source, target and key at most one conflict is open. A conflict counts for two targets: the one that
-- it has now, and the one that it was reported to, because its source does not have to know that it was
-- reassigned. A conflict without a key is one of its own.
--
-- Whoever may open a conflict, open one again or change a target locks the workspace's conflict counter first:
-- then the answer to "is one open?" stays true until commit, and no number is given meanwhile.
--
-- Lock order: the counter comes before every conflict row, and after the constraints and subsystem rows. A
-- transaction that resolves one conflict and may report another afterwards locks the counter first.

-- Keeps other reports of this workspace away until commit.
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

-- Locks a conflict's row until commit; its number may be wrong.
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

-- The same for a conflict that has to be open.
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

-- The open conflict of this source, target and key, locked until commit; nothing if there is none. A caller
-- that may report afterwards holds the counter already.
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

-- Another open conflict that would be the same as this one if this one were open and had this target; null if
-- there is none. Two would split what belongs together, and a report would find either. The caller holds the
-- counter. Locked, so that one that is just being resolved is waited for, and does not count then.
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

-- Before a conflict is opened again or gets another target.
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

-- The subsystem whose budget a conflict is about, or robot for the totals; null for any other conflict. The
-- database opens and resolves these by itself.
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

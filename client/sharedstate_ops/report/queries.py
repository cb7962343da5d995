"""The queries of a report, each on one workspace between two times."""

from __future__ import annotations

# From the first entry of the log, or a given time, to the last one.
SPAN = """
  select
    s.begins_at, greatest(s.begins_at, s.ends_at) as ends_at, clock_timestamp() as server_time
  from (
    select
      coalesce(%(since)s::timestamptz, min(a."timestamp"), clock_timestamp()) as begins_at,
      max(a."timestamp") as ends_at
    from public.agent_activity_logs as a
    where a.workspace = %(workspace)s
  ) as s
"""

AGENTS = """
  select
    b.agent_name, sum(b.entries) as entries, min(b.first_at) as first_at, max(b.last_at) as last_at,
    json_object_agg(b.activity, b.entries order by b.first_at) as activities
  from (
    select
      a.agent_name, a.activity, count(*) as entries,
      min(a."timestamp") as first_at, max(a."timestamp") as last_at
    from public.agent_activity_logs as a
    where a.workspace = %(workspace)s and a."timestamp" >= %(begins_at)s::timestamptz
    group by a.agent_name, a.activity
  ) as b
  group by b.agent_name
  order by b.agent_name
"""

# Of locks as the database has logged it. Of other waits from an entry `waiting` to the same agent's
# next entry; if that is of a lock, it was the same wait.
WAITS = """
  select w.agent_name, w.reason as "for", count(*) as times, round(sum(w.seconds), 3) as seconds
  from (
    select a.agent_name, a.activity, lead(a.activity) over later as next_activity,
      case a.activity
        when 'waiting' then a.details ->> 'for'
        when 'lock_waited'
          then concat_ws(' ', a.details ->> 'resource_type', a.details ->> 'resource_name')
      end as reason,
      case a.activity
        when 'waiting' then extract(
          epoch from coalesce(lead(a."timestamp") over later, %(ends_at)s::timestamptz)
            - a."timestamp"
        )
        when 'lock_waited'
          then jsonb_path_query_first(a.details, '$.waited_seconds ? (@ >= 0 && @ < 1e12)')::numeric
      end as seconds
    from public.agent_activity_logs as a
    where a.workspace = %(workspace)s and a."timestamp" >= %(begins_at)s::timestamptz
    window later as (partition by a.agent_name order by a."timestamp", a.id)
  ) as w
  where w.seconds is not null
    and (w.activity = 'lock_waited' or w.next_activity is distinct from 'lock_waited')
  group by w.agent_name, w.reason
  order by seconds desc, w.agent_name, w.reason
"""

QUEUE = """
  select q.resource_type, q.resource_name, q.position, q.agent_name, q.waiting_since
  from public.lock_queue as q
  where q.workspace = %(workspace)s
  order by q.resource_type, q.resource_name, q.position
"""

LOCK_EVENTS = """
  select a."timestamp", a.agent_name, a.activity, a.details
  from public.agent_activity_logs as a
  where a.workspace = %(workspace)s and a."timestamp" >= %(begins_at)s::timestamptz
    and a.activity in ('lock_lost', 'lock_forced', 'lock_refused')
  order by a."timestamp", a.id
  limit 1000
"""

CONFLICTS = """
  select c.*, round(
      extract(epoch from coalesce(c.resolved_at, %(server_time)s::timestamptz) - c.created_at), 3
    ) as open_seconds
  from public.conflicts as c
  where c.workspace = %(workspace)s
    and (c.status = 'open' or c.resolved_at >= %(begins_at)s::timestamptz)
  order by c.conflict_id
"""

VERSIONS = """
  select d.* from (
    select 'requirements' as document, r.workspace, r.subsystem_name as subsystem, r.version,
      r.created_by, r.created_at
    from public.subsystem_requirements as r
    union all
    select 'interfaces', i.workspace, i.subsystem_name, i.version, i.created_by, i.created_at
    from public.subsystem_interfaces as i
    union all
    select 'design', s.workspace, s.subsystem_name, s.version, s.created_by, s.created_at
    from public.subsystem_designs as s
  ) as d
  where d.workspace = %(workspace)s and d.created_at >= %(begins_at)s::timestamptz
  order by d.created_at, d.subsystem, d.document
"""

# The last of each subsystem in each of many short times; all before the span counts as one. Agents
# may log details of the same names, of any type: only amounts that a status may have are taken.
USES = """
  select distinct on (u.place, u.subsystem)
    u.subsystem, greatest(u."timestamp", %(begins_at)s::timestamptz) as at,
    u.mass_kg, u.cost_usd, u.power_w
  from (
    select
      a.id, a."timestamp", a.details ->> 'subsystem' as subsystem,
      jsonb_path_query_first(a.details, '$.current_mass_kg ? (@ >= 0 && @ < 1e12)') as mass_kg,
      jsonb_path_query_first(a.details, '$.current_cost_usd ? (@ >= 0 && @ < 1e12)') as cost_usd,
      jsonb_path_query_first(a.details, '$.current_power_w ? (@ >= 0 && @ < 1e12)') as power_w,
      width_bucket(
        extract(epoch from a."timestamp"), extract(epoch from %(begins_at)s::timestamptz),
        extract(epoch from %(ends_at)s::timestamptz) + 0.001, %(points)s
      ) as place
    from public.agent_activity_logs as a
    where a.workspace = %(workspace)s and a.details ? 'subsystem' and a.details ? 'current_mass_kg'
  ) as u
  where u.mass_kg is not null and u.cost_usd is not null and u.power_w is not null
  order by u.place, u.subsystem, u."timestamp" desc, u.id desc
"""

ALLOCATIONS = """
  select greatest(g.created_at, %(begins_at)s::timestamptz) as at,
    g.total_mass_kg_max, g.total_cost_usd_max, g.budget_allocations
  from public.global_constraints as g
  where g.workspace = %(workspace)s
  order by g.version
"""

"""The statements that fill a database. Chance decides; half falls on workspace 1, the big one.

The measured agent, skeleton_agent, is one among the others, but no critical conflict blocks it:
it could not check anything out.
"""

HELPERS = (
    "create schema bench",
    # Each call in a query draws anew: none of them may be folded into one.
    """
    create function bench.pick(workspaces integer) returns integer language sql volatile as $$
      select case
        when random() < 0.5 then 1
        else 2 + floor(random() * (workspaces - 1))::integer
      end
    $$
    """,
    """
    create function bench.workspace(number integer) returns text language sql immutable as $$
      select 'robot-' || lpad(number::text, 4, '0')
    $$
    """,
    # How many subsystems a workspace has, and how many open conflicts.
    """
    create function bench.parts(number integer) returns integer language sql immutable as $$
      select case when number = 1 then 50 else 12 end
    $$
    """,
    """
    create function bench.open_conflicts(number integer) returns integer
    language sql immutable as $$
      select case when number = 1 then 500 else 3 end
    $$
    """,
    """
    create function bench.part(number integer) returns text language sql immutable as $$
      select coalesce(
        (array['skeleton', 'actuation', 'power', 'sensing', 'shell', 'integration'])[number],
        'part_' || lpad(number::text, 2, '0')
      )
    $$
    """,
    # Versions differ in one bone of twelve, or two.
    """
    create function bench.document(seed integer) returns jsonb language sql immutable as $$
      select jsonb_object_agg('bone_' || k, jsonb_build_object(
        'length_m', round(0.1 + changed * k % 97 / 100.0, 3),
        'mass_kg', round(0.2 + changed * k % 89 / 50.0, 3),
        'material', (array['aluminium', 'carbon', 'titanium'])[1 + (changed + k) % 3]
      ))
      from generate_series(1, 12) as k
      cross join lateral (select case when k = 1 + seed % 12 then seed else 7 end as changed) as c
    $$
    """,
)

_WORKSPACES = """
insert into core.workspaces (name)
select bench.workspace(n) from generate_series(1, %(workspaces)s) as n
"""

_COUNTERS = """
insert into core.conflict_counters (workspace)
select bench.workspace(n) from generate_series(1, %(workspaces)s) as n
"""

_SUBSYSTEMS = """
insert into public.subsystems (
  workspace, name, state, current_mass_kg, current_cost_usd, current_power_w, within_budget,
  version, last_execution_id, metadata
)
select
  bench.workspace(n), bench.part(p), 'designing', 5 + p %% 7, 900 + p, p %% 5 * 10, true,
  40, 'run-' || n, jsonb_build_object('material', 'aluminium', 'reviewed', p %% 2 = 0)
from generate_series(1, %(workspaces)s) as n
cross join lateral generate_series(1, bench.parts(n)) as p
"""

_TOKENS = """
insert into core.fencing_counters (workspace, resource_type, resource_name, last_token)
select s.workspace, 'subsystem', s.name, 20 from public.subsystems as s
where s.workspace <> 'default'
"""

# Every fifth is being worked on.
_LEASES = """
insert into public.agent_locks (
  workspace, resource_type, resource_name, locked_by, execution_id, expires_at, ttl_seconds,
  fencing_token
)
select
  s.workspace, 'subsystem', s.name, s.name || '_agent', 'run-of-' || s.name,
  clock_timestamp() + interval '1 day', 86400, 20
from public.subsystems as s
where s.workspace <> 'default' and s.name <> 'skeleton' and random() < 0.2
"""

_CONSTRAINTS = """
insert into public.global_constraints (
  workspace, version, total_mass_kg_max, total_cost_usd_max, height_m, voltage_v,
  budget_allocations, created_by
)
select
  bench.workspace(n), v, 1000, 100000, 1.75, 48,
  (
    select jsonb_object_agg(
      bench.part(p), jsonb_build_object('mass_kg', 15, 'cost_usd', 1500, 'power_w', 60)
    )
    from generate_series(1, bench.parts(n)) as p
  ),
  'system_architect'
from generate_series(1, %(workspaces)s) as n
cross join generate_series(1, 5) as v
"""

_RESERVATIONS = """
insert into public.budget_reservations (
  workspace, subsystem, mass_kg, cost_usd, power_w, agent_name, execution_id, expires_at
)
select
  bench.workspace(n), bench.part(2 + r), 1, 10, 0, bench.part(2 + r) || '_agent', 'run-' || n,
  clock_timestamp() + r * interval '1 hour'
from generate_series(1, %(workspaces)s) as n
cross join generate_series(-1, 2) as r
"""


def _documents(table: str, column: str, third: int) -> str:
    """A third of all versions; about 1.2 kB each."""
    return f"""
    insert into public.{table} (
      workspace, subsystem_name, version, {column}, created_by, created_at
    )
    select
      bench.workspace(d.n), bench.part(d.p),
      row_number() over (partition by d.n, d.p order by d.i),
      bench.document(d.i), bench.part(d.p) || '_agent',
      clock_timestamp() - (%(documents)s - d.i) * interval '30 days' / %(documents)s
    from (
      select i, n, 1 + floor(random() * bench.parts(n))::integer as p
      from (
        select i, bench.pick(%(workspaces)s) as n
        from generate_series({third}, %(documents)s, 3) as i
        offset 0
      ) as drawn
      offset 0
    ) as d
    """


# Each subsystem was made from the interfaces of the next two; every tenth missed the last version.
_DEPENDENCIES = """
insert into public.document_dependencies (
  workspace, subsystem, on_subsystem, document, seen_version, recorded_by
)
select
  bench.workspace(n), bench.part(p), o.name, 'interfaces',
  greatest(coalesce(o.latest, 0) - (random() < 0.1)::integer, 0), bench.part(p) || '_agent'
from generate_series(1, %(workspaces)s) as n
cross join lateral generate_series(1, bench.parts(n)) as p
cross join lateral (
  select
    bench.part(1 + (p + step - 1) %% bench.parts(n)) as name,
    (
      select max(i.version) from public.subsystem_interfaces as i
      where i.workspace = bench.workspace(n)
        and i.subsystem_name = bench.part(1 + (p + step - 1) %% bench.parts(n))
    ) as latest
  from generate_series(1, 2) as step
) as o
"""

# The newest are open.
_CONFLICTS = """
insert into public.conflicts (
  workspace, conflict_id, severity, priority, source_agent, target_agent, reported_to,
  description, details, blocks_agents, status, resolution, created_at, last_reported_at,
  resolved_at, resolved_by, conflict_key
)
select
  bench.workspace(c.n), row_number() over (partition by c.n order by c.i),
  (array['low', 'medium', 'high', 'critical'])[1 + c.i %% 4], 1 + c.i %% 4,
  bench.part(c.p) || '_agent', c.target, c.target,
  'Motor selection exceeds the power budget by ' || c.i || ' W',
  jsonb_build_object('current_power_w', 1000, 'budget_w', 800, 'overage_w', c.i),
  case
    when c.i %% 5 = 0 then array[bench.part(2 + c.p %% (bench.parts(c.n) - 1)) || '_agent']
    else '{}'
  end,
  case when c.is_open then 'open' else 'resolved' end,
  case when not c.is_open then 'The motor was replaced.' end,
  c.created_at, c.created_at,
  case when not c.is_open then c.created_at + interval '1 hour' end,
  case when not c.is_open then c.target end,
  'power ' || c.i
from (
  select
    i, n, 1 + floor(random() * bench.parts(n))::integer as p,
    row_number() over (partition by n order by i desc) <= bench.open_conflicts(n) as is_open,
    case when random() < 0.3 then 'system_architect' else 'power_agent' end as target,
    clock_timestamp() - (%(conflicts)s - i) * interval '30 days' / %(conflicts)s as created_at
  from (
    select i, bench.pick(%(workspaces)s) as n from generate_series(1, %(conflicts)s) as i
    offset 0
  ) as drawn
  offset 0
) as c
"""

_EVENTS = """
insert into public.conflict_events (
  workspace, conflict_id, event_id, event, agent_name, details, created_at
)
select
  c.workspace, c.conflict_id, e.number, e.event, c.source_agent,
  jsonb_build_object('description', c.description), c.created_at
from public.conflicts as c
cross join (values (1, 'opened'), (2, 'note'), (3, 'resolved')) as e (number, event)
where e.event <> 'resolved' or c.status = 'resolved'
"""

_LAST_NUMBERS = """
update core.conflict_counters as n set last_conflict_id = c.last
from (select workspace, max(conflict_id) as last from public.conflicts group by workspace) as c
where n.workspace = c.workspace
"""

# Evenly over the last 24 hours, after which they are forgotten: every second a few of them are.
_REQUESTS = """
insert into core.requests (workspace, request_id, function_name, arguments_hash, answer, created_at)
select
  bench.workspace(r.n), gen_random_uuid(), 'log_agent_activity', r.i,
  jsonb_build_object(
    'id', r.i, 'workspace', bench.workspace(r.n), 'agent_name', 'skeleton_agent',
    'activity', 'designed', 'details', jsonb_build_object('bones', 6),
    'execution_id', 'run-' || r.i, 'timestamp', clock_timestamp()
  ),
  clock_timestamp() - (%(requests)s - r.i) * interval '24 hours' / %(requests)s
from (
  select i, bench.pick(%(workspaces)s) as n from generate_series(1, %(requests)s) as i
  offset 0
) as r
"""

# By part, in this order; the count of a part is that of its first statement.
STEPS = {
    "workspaces": (_WORKSPACES, _COUNTERS),
    "subsystems": (_SUBSYSTEMS, _TOKENS, _LEASES),
    "versions of constraints": (_CONSTRAINTS, _RESERVATIONS),
    "versions of requirements": (_documents("subsystem_requirements", "requirements", 1),),
    "versions of interfaces": (_documents("subsystem_interfaces", "interfaces", 2),),
    "versions of designs": (_documents("subsystem_designs", "design_data", 3),),
    "dependencies": (_DEPENDENCIES,),
    "conflicts": (_CONFLICTS, _EVENTS, _LAST_NUMBERS),
    "answers of requests": (_REQUESTS,),
}

# An execution makes some 200 entries; agents and activities are not equally busy. A monitor, which
# stands for part 0, sends nothing but heartbeats, all of one execution.
ACTIVITY = """
insert into public.agent_activity_logs (
  workspace, agent_name, activity, details, execution_id, "timestamp"
)
select
  bench.workspace(a.n), case a.p when 0 then 'monitor' else bench.part(a.p) end || '_agent',
  case a.p when 0 then 'heartbeat' else (array[
    'status_updated', 'designed', 'design_updated', 'checked_in', 'simulated', 'interfaces_updated',
    'conflict_created', 'reviewed'
  ])[1 + floor(8 * random() * random())::integer] end,
  jsonb_build_object('subsystem', bench.part(a.p), 'state', 'designing', 'version', a.i),
  case a.p when 0 then 'run-of-monitor' else format(
    'run-%%s-%%s-%%s', a.n, a.p, a.i / case when a.n = 1 then 20000 else 2000000 end
  ) end,
  clock_timestamp() - (%(activity)s - a.i) * interval '30 days' / %(activity)s
from (
  select
    i, n,
    case
      when random() < 0.03 then 0
      else 1 + floor(random() * random() * bench.parts(n))::integer
    end as p
  from (
    select i, bench.pick(%(workspaces)s) as n
    from generate_series(%(first)s::integer, %(last)s::integer) as i
    offset 0
  ) as drawn
  offset 0
) as a
"""

LARGEST = """
select relid::regclass::text, pg_table_size(relid), pg_indexes_size(relid)
from pg_stat_user_tables
order by pg_total_relation_size(relid) desc
limit 6
"""

-- All of it is of one moment: the feed goes on exactly where the lists stand. Its first page ends where read_activity
-- begins for who has no cursor, so the next one neither skips nor repeats an entry.
--
-- In two halves although it only reads, because whoever looks on calls it each second. Postgres keeps the plan of the
-- private half. Without one it would plan these ten tables at each call, each with its row level security: that takes
-- half as long again. So each query here names the workspace itself.
--
-- json, which is written once, and not jsonb, which is built and then written. The totals are those of the view
-- budget_usage, which finds them for every workspace before it shows one. No sequential scans, as in all that reads the
-- queue: see 30_locks/tables.sql.
create or replace function core.get_board(p_cursor text, p_limit integer)
returns json
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_workspace constant text := core.current_workspace();
begin
  return (
    with subsystems as materialized (
      select s.* from public.system_status as s
      where s.workspace = v_workspace
    ),
    leases as materialized (
      select l.* from public.agent_locks as l
      where l.workspace = v_workspace and l.expires_at > clock_timestamp()
    ),
    queue as materialized (
      select q.* from public.lock_queue as q
      where q.workspace = v_workspace
    ),
    waiters as materialized (
      select q.resource_name as subsystem, count(*) as queue_length from queue as q
      where q.resource_type = 'subsystem'
      group by q.resource_name
    ),
    totals as (
      select
        v_workspace as workspace,
        'robot' as scope,
        'robot' as name,
        t.quantity,
        t.allocated,
        t.used,
        t.held,
        t.allocated - t.used - t.held as remaining,
        round(t.used / nullif(t.allocated, 0), 4) as share
      from (
        select
          coalesce(sum(s.current_mass_kg), 0) as mass_kg,
          coalesce(sum(s.current_cost_usd), 0) as cost_usd,
          coalesce(sum(s.current_power_w), 0) as power_w
        from subsystems as s
      ) as u
      cross join (
        select
          coalesce(sum(r.mass_kg), 0) as mass_kg,
          coalesce(sum(r.cost_usd), 0) as cost_usd,
          coalesce(sum(r.power_w), 0) as power_w
        from core.live_reservations as r
        where r.workspace = v_workspace
      ) as r
      left join (
        select
          c.total_mass_kg_max as mass_kg,
          c.total_cost_usd_max as cost_usd,
          (select sum((b.value ->> 'power_w')::numeric) from jsonb_each(c.budget_allocations) as b) as power_w
        from public.global_constraints as c
        where c.workspace = v_workspace
        order by c.version desc
        limit 1
      ) as a on true
      cross join lateral (
        values
        ('mass_kg', a.mass_kg, u.mass_kg, r.mass_kg),
        ('cost_usd', a.cost_usd, u.cost_usd, r.cost_usd),
        ('power_w', a.power_w, u.power_w, r.power_w)
      ) as t (quantity, allocated, used, held)
    )
    select json_build_object(
      'workspace', v_workspace,
      'server_time', clock_timestamp(),
      'subsystems', array(
        select row_to_json(b) from (
          select s.*, coalesce(w.queue_length, 0) as queue_length
          from subsystems as s
          left join waiters as w on s.name = w.subsystem
          order by s.name
          limit p_limit
        ) as b
      ),
      'conflicts', array(
        select row_to_json(b) from (
          select
            c.conflict_id, c.severity, c.priority, c.source_agent, c.target_agent, c.blocks_agents, c.description,
            c.created_at, c.reports, c.last_reported_at
          from public.conflicts as c
          where c.workspace = v_workspace and c.status = 'open'
          order by c.priority, array_position(array['critical', 'high', 'medium', 'low'], c.severity), c.conflict_id
          limit p_limit
        ) as b
      ),
      'leases', array(
        select row_to_json(l) from leases as l
        order by l.expires_at, l.resource_type, l.resource_name
        limit p_limit
      ),
      'queue', array(
        select row_to_json(q) from queue as q
        order by q.resource_type, q.resource_name, q.position
        limit p_limit
      ),
      'budgets', array(select row_to_json(t) from totals as t order by t.quantity),
      'counts', json_build_object(
        'subsystems', (select count(*) from subsystems),
        'conflicts', (
          select count(*) from public.conflicts as c
          where c.workspace = v_workspace and c.status = 'open'
        ),
        'leases', (select count(*) from leases),
        'queue', (select count(*) from queue)
      ),
      'entries', case when p_cursor is not null then array_to_json(p.entries) else array_to_json(array(
        select e.entry from (
          select a as entry, a.transaction_id, a.id from public.agent_activity_logs as a
          where a.workspace = v_workspace
            and (a.transaction_id, a.id)
            <= (split_part(p."cursor", '/', 1)::xid8, split_part(p."cursor", '/', 2)::bigint)
          order by a.transaction_id desc, a.id desc
          limit p_limit
        ) as e
        order by e.transaction_id, e.id
      )) end,
      'cursor', p."cursor",
      'more', p.more
    )
    from core.read_activity(p_cursor, p_limit, null, null, null) as p
  );
end;
$$;

create or replace function public.get_board("cursor" text default null, limit_count integer default 100)
returns json
language sql
stable
set search_path = ''
as $$
  select core.get_board("cursor", limit_count);
$$;

comment on function public.get_board(text, integer) is
'One look at a whole workspace, all of one moment. No list has more than limit_count (1 to 1000) elements; counts says
how many there are in all.

- workspace; server_time, by the database''s clock: compare expires_at with it.
- subsystems, by name: rows of system_status (state, figures beside budgets, locked_by, lock_expires_at,
  active_conflicts, stale_inputs), each with queue_length: how many wait for its lock.
- conflicts: open ones, most urgent first, without their details; blocks_agents: whom each blocks.
- leases: rows of agent_locks, those that end first first. queue: rows of lock_queue, by resource and position.
- budgets: of the whole robot, as budget_usage shows it: mass_kg, cost_usd and power_w, also where there is no limit.
- counts: {subsystems, conflicts, leases, queue}.
- entries: of the activity log, in the order of their transactions: those behind cursor, without one the newest.
- cursor: send it next time, and no entry is missed or comes twice. more: there are more entries, ask again at once.';

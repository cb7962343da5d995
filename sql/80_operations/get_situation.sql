-- A subsystem's rows of budget_usage: that view works out whole workspaces, and for the owner of the database all.
create or replace function core.budget_of_subsystem(p_workspace text, p_subsystem text)
returns public.budget_usage[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_allocation constant jsonb := (core.latest_constraints(p_workspace)).budget_allocations -> p_subsystem;
  v_used public.subsystems;
  v_held core.amounts;
begin
  select * into v_used from public.subsystems as s
  where s.workspace = p_workspace and s.name = p_subsystem;
  select sum(r.mass_kg), sum(r.cost_usd), sum(r.power_w) into v_held
  from core.live_reservations as r
  where r.workspace = p_workspace and r.subsystem = p_subsystem;
  return array(
    select row(
      p_workspace, 'subsystem', p_subsystem, b.quantity, b.allocated, b.used, b.held,
      b.allocated - b.used - b.held, round(b.used / nullif(b.allocated, 0), 4)
    )::public.budget_usage
    from (
      select
        q.name as quantity, (v_allocation ->> q.name)::numeric as allocated,
        coalesce(q.used, 0) as used, coalesce(q.held, 0) as held
      from (
        values
        ('cost_usd', v_used.current_cost_usd, v_held.cost_usd),
        ('mass_kg', v_used.current_mass_kg, v_held.mass_kg),
        ('power_w', v_used.current_power_w, v_held.power_w)
      ) as q (name, used, held)
    ) as b
    where b.allocated is not null or b.used > 0
    order by b.quantity
  );
end;
$$;

-- The live tickets of an execution, a row for each resource that they wait for.
create or replace function core.waits_of_execution(p_workspace text, p_execution_id text)
returns public.awaited_lock[]
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
as $$
begin
  return array(
    select row(
      r.resource_type, r.resource_name, q.position, l.locked_by, l.expires_at, q.waiting_since, q.gives_up_at,
      q.request_id
    )::public.awaited_lock
    from core.lock_tickets as t
    inner join core.lock_ticket_resources as r on t.ticket_id = r.ticket_id
    cross join lateral (
      select * from public.lock_queue as o
      where o.workspace = r.workspace and o.resource_type = r.resource_type and o.resource_name = r.resource_name
      offset 0
    ) as q
    left join public.agent_locks as l
      on r.workspace = l.workspace and r.resource_type = l.resource_type and r.resource_name = l.resource_name
      and l.expires_at > clock_timestamp()
    where t.workspace = p_workspace and t.execution_id = p_execution_id and q.request_id = t.request_id
    order by q.waiting_since, r.resource_type, r.resource_name
  );
end;
$$;

-- In two halves although it only reads: what checks the arguments, and knows the subsystem of an agent, is not for
-- callers.
create or replace function core.get_situation(p_agent_name text, p_execution_id text)
returns public.situation
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_subsystem text;
begin
  perform core.require_name('agent_name', p_agent_name);
  perform core.require_name('execution_id', p_execution_id);
  v_subsystem := core.agent_subsystem(p_agent_name);
  return row(
    p_agent_name,
    p_execution_id,
    v_subsystem,
    array(
      select l from public.agent_locks as l
      where l.workspace = v_workspace and l.execution_id = p_execution_id and l.expires_at > clock_timestamp()
      order by l.resource_type, l.resource_name
    ),
    core.waits_of_execution(v_workspace, p_execution_id),
    array(select b from core.blockers_of_agent(v_workspace, p_agent_name) as b),
    array(select c from core.get_active_conflicts(p_agent_name) as c),
    core.budget_of_subsystem(v_workspace, v_subsystem),
    (
      select coalesce(jsonb_agg(i.input order by i.on_subsystem, i.document), '[]') from core.stale_inputs as i
      where i.workspace = v_workspace and i.subsystem = v_subsystem
    ),
    array(select a from core.get_recent_activity(20, p_agent_name, null, null, null, null, null) as a),
    clock_timestamp()
  )::public.situation;
end;
$$;

create or replace function public.get_situation(agent_name text, execution_id text)
returns public.situation
language sql
stable
set search_path = ''
as $$
  select core.get_situation(agent_name, execution_id);
$$;

comment on function public.get_situation(text, text) is
'All that an agent has to know now, in one read.

leases: what the execution holds, and until when. waits: what it waits for, its place in line, and who holds it.
conflicts: open ones that concern the agent (or another of its subsystem) as source, target or blocked; blocked_by:
those of them that block it. budget and stale_inputs are of its subsystem. activity: its 20 newest entries in the log.';

-- What budget_usage shows of a workspace. For readers of the view, who may not call what it needs: so
-- with the rights of its owner.
create or replace function core.budget_lines(p_constraints public.global_constraints)
returns setof core.budget_line
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return query
  with lines as (
    select
      case when n.name = 'reserve' then 'reserve' else 'subsystem' end as scope,
      n.name,
      q.name as quantity,
      (p_constraints.budget_allocations -> n.name ->> q.name)::numeric as allocated,
      coalesce((core.used_amounts(s) ->> q.name)::numeric, 0) as used,
      (h.amounts ->> q.name)::numeric as held
    from (
      select jsonb_object_keys(p_constraints.budget_allocations) as name
      union
      select o.name from public.subsystems as o where o.workspace = p_constraints.workspace
    ) as n
    cross join lateral (
      -- Once for all three quantities.
      select core.held_amounts(p_constraints.workspace, n.name, null) as amounts offset 0
    ) as h
    cross join unnest(core.quantities()) as q (name)
    left join public.subsystems as s on s.workspace = p_constraints.workspace and n.name = s.name
  )
  select l.* from lines as l where l.allocated is not null or l.used > 0
  union all
  select
    'robot', 'robot', l.quantity,
    case l.quantity
      when 'mass_kg' then p_constraints.total_mass_kg_max
      when 'cost_usd' then p_constraints.total_cost_usd_max
      else sum(l.allocated)
    end,
    sum(l.used), sum(l.held)
  from lines as l
  group by l.quantity
  having sum(l.used) > 0 or case l.quantity
    when 'mass_kg' then p_constraints.total_mass_kg_max is not null
    when 'cost_usd' then p_constraints.total_cost_usd_max is not null
    else count(l.allocated) > 0
  end;
end;
$$;

-- What a budget that gets these amounts has of them already: of a quantity that is not allocated to it, what it
-- uses, as far as the totals leave that unallocated. Or a gift of 1 kg would turn "no limit" into 1 kg, and be
-- an overrun. The caller holds the workspace's row and that of the subsystem.
create or replace function core.first_allocation(
  p_constraints public.global_constraints,
  p_name text,
  p_amounts jsonb
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_allocation constant jsonb := coalesce(p_constraints.budget_allocations -> p_name, '{}');
  v_free constant jsonb := core.unallocated(p_constraints);
  v_used constant jsonb := core.used_amounts((
    select s from public.subsystems as s where s.workspace = p_constraints.workspace and s.name = p_name
  ));
begin
  return v_allocation || (
    select coalesce(jsonb_object_agg(
      a.key,
      -- Without a total there is nothing that it could take from others.
      case when v_free ? a.key then greatest(least(
        (v_used ->> a.key)::numeric, (v_free ->> a.key)::numeric - (
          select coalesce(sum(u.amount), 0) from core.shared_use(p_constraints) as u
          where u.quantity = a.key and u.subsystem <> p_name
        )
      ), 0) else (v_used ->> a.key)::numeric end
    ), '{}')
    from jsonb_each(p_amounts) as a
    where a.value::numeric > 0 and not v_allocation ? a.key
  );
end;
$$;

-- Checked constraints as they arrive, with the totals and allocations that they have as they are kept beside
-- p_content, which they were made from: see core.keep_amount.
create or replace function core.round_constraints(p_constraints jsonb, p_content jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_constraints
    || (
      select coalesce(
        jsonb_object_agg(e.key, core.keep_amount((p_content ->> e.key)::numeric, e.value::numeric)), '{}'
      )
      from jsonb_each(p_constraints) as e
      where e.key in ('total_mass_kg_max', 'total_cost_usd_max') and e.value <> 'null'
    )
    || case when p_constraints ? 'budget_allocations' then jsonb_build_object('budget_allocations', (
      select coalesce(jsonb_object_agg(a.key, a.value || (
        select coalesce(jsonb_object_agg(e.key, core.keep_amount(
          (p_content -> 'budget_allocations' -> a.key ->> e.key)::numeric, e.value::numeric
        )), '{}')
        from jsonb_each(a.value) as e
        where e.key = any(core.quantities())
      )), '{}')
      from jsonb_each(p_constraints -> 'budget_allocations') as a
    )) else '{}' end;
end;
$$;

-- By how much amounts exceed an allocation, less what others hold of it: {"mass_kg": {"allocated": 15,
-- "used": 14, "held": 2, "over": 1}}, only the quantities that do, `held` only where something is. A
-- quantity that is not allocated has no limit; null if none is allocated.
create or replace function core.overruns(p_allocation jsonb, p_used jsonb, p_held jsonb default '{}')
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  if not coalesce(p_allocation ?| core.quantities(), false) then
    return null;
  end if;
  return (
    select coalesce(jsonb_object_agg(
      u.key,
      jsonb_build_object(
        'allocated', p_allocation -> u.key, 'used', u.value,
        'over', trim_scale(u.value::numeric + h.amount - (p_allocation ->> u.key)::numeric)
      ) || case when h.amount > 0 then jsonb_build_object('held', h.amount) else '{}' end
    ), '{}')
    from jsonb_each(p_used) as u
    cross join lateral (select coalesce((p_held ->> u.key)::numeric, 0) as amount) as h
    where u.value::numeric + h.amount > (p_allocation ->> u.key)::numeric
  );
end;
$$;

-- Amounts, and by how much they exceed a budget
--
-- A budget has the quantities mass_kg, cost_usd and power_w. What is used, reserved or moved has all three (the type
-- core.amounts). An allocation is the JSON object that users see, with any of the three. A quantity that is not in it
-- has no limit of its own; see shared_budget.sql.
--
-- Overruns are the same in errors, conflicts and the log: an object of the quantities that are exceeded, {} if none is.
-- `held` is what others have reserved, if they have:
--   {"mass_kg": {"allocated": 15, "used": 14, "held": 2, "over": 1}}
--
-- Nothing here takes a lock.

create or replace function core.overruns(
  p_allocation jsonb,
  p_used core.amounts,
  p_reserved core.amounts default null
)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_object_agg(
      q.name,
      jsonb_build_object(
        'allocated', q.allocated, 'used', q.used, 'over', trim_scale(q.used + q.reserved - q.allocated)
      ) || case when q.reserved > 0 then jsonb_build_object('held', q.reserved) else '{}' end
    ), '{}')
    from (
      values
      ('mass_kg', (p_allocation ->> 'mass_kg')::numeric, p_used.mass_kg, coalesce(p_reserved.mass_kg, 0)),
      ('cost_usd', (p_allocation ->> 'cost_usd')::numeric, p_used.cost_usd, coalesce(p_reserved.cost_usd, 0)),
      ('power_w', (p_allocation ->> 'power_w')::numeric, p_used.power_w, coalesce(p_reserved.power_w, 0))
    ) as q (name, allocated, used, reserved)
    where q.used + q.reserved > q.allocated
  );
end;
$$;

-- p_subject says whose budget it is: {"subsystem": "skeleton"}, or {"scope": "robot"}.
create or replace function core.fail_over_budget(p_subject jsonb, p_overruns jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'over_budget',
    p_subject || jsonb_build_object('overruns', p_overruns),
    'Use less, or have budget moved there: transfer_budget. budget_usage shows what is left where.'
  );
end;
$$;

-- Checks and rounds three amounts that are to be moved or reserved. At least one must be above 0.
create or replace function core.require_amounts(p_mass_kg numeric, p_cost_usd numeric, p_power_w numeric)
returns core.amounts
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_amounts core.amounts;
begin
  perform core.require_amount('mass_kg', to_jsonb(p_mass_kg));
  perform core.require_amount('cost_usd', to_jsonb(p_cost_usd));
  perform core.require_amount('power_w', to_jsonb(p_power_w));
  v_amounts := row(core.round_amount(p_mass_kg), core.round_amount(p_cost_usd), core.round_amount(p_power_w));
  if v_amounts.mass_kg + v_amounts.cost_usd + v_amounts.power_w = 0 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'mass_kg', 'reason', 'and cost_usd and power_w are all 0'),
      'Name at least one amount above 0.'
    );
  end if;
  return v_amounts;
end;
$$;

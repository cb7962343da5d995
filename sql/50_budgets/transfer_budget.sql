-- Moves a part of one budget to another and returns the new constraints. Never more than there is, and nothing that
-- other executions have reserved. What this execution has reserved of the first budget is used up before; a reservation
-- that is named is deleted. Locks the rows of the workspace and of both subsystems.
--
-- A quantity that was not allocated to the second starts at what that uses of it, as far as the totals leave it. Else a
-- gift of 1 kg would turn "no limit" into a limit of 1 kg, and so into an overrun.
create or replace function core.move_budget(
  p_workspace text,
  p_from text,
  p_to text,
  p_amounts core.amounts,
  p_reason text,
  p_agent_name text,
  p_execution_id text,
  p_reservation_id uuid
)
returns public.global_constraints
language plpgsql
set search_path = ''
as $$
declare
  v_latest constant public.global_constraints := core.lock_constraints(p_workspace);
  v_next public.global_constraints := v_latest;
  v_from jsonb := coalesce(v_latest.budget_allocations -> p_from, '{}');
  v_to jsonb := coalesce(v_latest.budget_allocations -> p_to, '{}');
  v_named public.budget_reservations;
  v_user public.subsystems;
  v_shared_overruns jsonb;
begin
  perform core.require_budget_name(p_workspace, 'from_subsystem', p_from, v_latest.budget_allocations);
  perform core.require_budget_name(p_workspace, 'to_subsystem', p_to, v_latest.budget_allocations);
  perform core.lock_subsystems(p_workspace, array[p_from, p_to]);
  if p_reservation_id is not null then
    delete from core.live_reservations as r
    where r.workspace = p_workspace and r.reservation_id = p_reservation_id and r.execution_id = p_execution_id
      and r.agent_name = coalesce(core.claimed_agent(), r.agent_name)
    returning r.* into v_named;
    if v_named.subsystem is distinct from p_from then
      perform core.fail(
        'reservation_lost',
        jsonb_build_object('reservation_id', p_reservation_id, 'subsystem', p_from),
        'It has ended, or is not of this execution: reserve the budget again.'
      );
    end if;
  end if;
  -- A quantity without an allocation counts as 0: it cannot be given away.
  perform core.charge_budget(
    p_workspace, p_from, '{"mass_kg": 0, "cost_usd": 0, "power_w": 0}' || v_from, p_amounts,
    row(
      p_amounts.mass_kg - coalesce(v_named.mass_kg, 0), p_amounts.cost_usd - coalesce(v_named.cost_usd, 0),
      p_amounts.power_w - coalesce(v_named.power_w, 0)
    )::core.amounts,
    p_execution_id, true
  );
  v_shared_overruns := core.shared_overruns(v_latest);
  select * into v_user from public.subsystems as s where s.workspace = p_workspace and s.name = p_to;
  select
    v_from || jsonb_object_agg(q.name, (v_from ->> q.name)::numeric - q.amount),
    v_to || jsonb_object_agg(q.name, q.amount + coalesce(
      (v_to ->> q.name)::numeric,
      greatest(coalesce(q.used, 0) - coalesce((v_shared_overruns -> q.name ->> 'over')::numeric, 0), 0)
    ))
  into v_from, v_to
  from (
    values
    ('mass_kg', p_amounts.mass_kg, v_user.current_mass_kg),
    ('cost_usd', p_amounts.cost_usd, v_user.current_cost_usd),
    ('power_w', p_amounts.power_w, v_user.current_power_w)
  ) as q (name, amount, used)
  where q.amount > 0;
  v_next.budget_allocations := v_latest.budget_allocations || jsonb_build_object(p_from, v_from, p_to, v_to);
  v_next := core.write_constraints(v_latest, v_next, p_agent_name, v_latest.version, p_execution_id);
  perform core.write_activity(
    p_workspace, p_agent_name, 'budget_transferred',
    jsonb_build_object(
      'from_subsystem', p_from, 'to_subsystem', p_to, 'amounts', p_amounts, 'reason', p_reason,
      'constraints_version', v_next.version
    ),
    p_execution_id
  );
  return v_next;
end;
$$;

create or replace function core.transfer_budget(
  p_from_subsystem text,
  p_to_subsystem text,
  p_mass_kg numeric,
  p_cost_usd numeric,
  p_power_w numeric,
  p_reason text,
  p_agent_name text,
  p_reservation_id uuid,
  p_execution_id text,
  p_request_id uuid
)
returns public.global_constraints
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_agent_name constant text := coalesce(p_agent_name, core.claimed_agent(), p_execution_id);
  v_amounts core.amounts;
  v_request core.request;
  v_row public.global_constraints;
begin
  perform core.require_name('from_subsystem', p_from_subsystem);
  perform core.require_name('to_subsystem', p_to_subsystem);
  if p_from_subsystem = p_to_subsystem then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', 'to_subsystem', 'reason', 'is where the budget comes from', 'value', p_to_subsystem
      ),
      'Name two different subsystems.'
    );
  end if;
  v_amounts := core.require_amounts(p_mass_kg, p_cost_usd, p_power_w);
  perform core.require_text('reason', p_reason);
  perform core.require_agent('agent_name', v_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'transfer_budget',
    jsonb_build_array(
      p_from_subsystem, p_to_subsystem, p_reason, v_agent_name, v_amounts, p_reservation_id, p_execution_id
    )
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.global_constraints, v_request.answer);
  end if;
  v_row := core.move_budget(
    v_workspace, p_from_subsystem, p_to_subsystem, v_amounts, p_reason, v_agent_name, p_execution_id,
    p_reservation_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.transfer_budget(
  from_subsystem text,
  to_subsystem text,
  mass_kg numeric default 0,
  cost_usd numeric default 0,
  power_w numeric default 0,
  reason text default null,
  agent_name text default null,
  reservation_id uuid default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.global_constraints
language sql
set search_path = ''
as $$
  select core.transfer_budget(
    from_subsystem, to_subsystem, mass_kg, cost_usd, power_w, reason, agent_name, reservation_id, execution_id,
    request_id
  );
$$;

comment on function public.transfer_budget(
  text, text, numeric, numeric, numeric, text, text, uuid, text, uuid
) is
'Moves a part of one subsystem''s budget to another''s and returns the new constraints. `reserve` may be on either side.
A reason (1 to 10000 characters) is required. Without an agent_name the token''s agent does it, or else the execution.
Amounts are rounded to six decimals.

over_budget, and nothing changes, if it would take more than there is, or what another execution has reserved. What
this execution holds of it itself is spent. A quantity that was not allocated to the second starts at what it uses of
it, as far as the totals leave that unallocated. Both subsystems'' within_budget and conflicts follow. With a
reservation_id that reservation is used up by it; reservation_lost if it has ended.';

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
  v_amounts jsonb;
  v_request core.request;
  v_row public.global_constraints;
begin
  v_amounts := core.require_transfer(
    p_from_subsystem, p_to_subsystem, p_mass_kg, p_cost_usd, p_power_w
  );
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

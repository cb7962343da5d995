create or replace function core.resolve_conflict(
  p_conflict_id bigint,
  p_resolution text,
  p_resolved_by text,
  p_budget_transfer jsonb,
  p_execution_id text,
  p_request_id uuid
)
returns public.conflicts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_row public.conflicts;
begin
  perform core.require_present('conflict_id', to_jsonb(p_conflict_id));
  perform core.require_text('resolution', p_resolution);
  perform core.require_agent('resolved_by', p_resolved_by);
  perform core.require_optional_name('execution_id', p_execution_id);
  if p_budget_transfer is not null then
    perform core.require_budget_transfer(p_budget_transfer);
  end if;
  v_request := core.recall_request(
    v_workspace, p_request_id, 'resolve_conflict',
    jsonb_build_array(p_conflict_id, p_resolution, p_resolved_by, p_budget_transfer, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflicts, v_request.answer);
  end if;
  if p_budget_transfer is null then
    v_row := core.settle_by_hand(v_workspace, p_conflict_id, p_resolution, p_resolved_by, p_execution_id);
  else
    v_row := core.settle_by_transfer(
      v_workspace, p_conflict_id, p_resolution, p_resolved_by, p_execution_id, p_budget_transfer
    );
  end if;
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.resolve_conflict(
  conflict_id bigint,
  resolution text,
  resolved_by text,
  budget_transfer jsonb default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.conflicts
language sql
set search_path = ''
as $$
  select core.resolve_conflict(conflict_id, resolution, resolved_by, budget_transfer, execution_id, request_id);
$$;

comment on function public.resolve_conflict(bigint, text, text, jsonb, text, uuid) is
'Resolves an open conflict and returns its row; unknown_conflict or conflict_already_resolved otherwise.

budget_transfer: {"from_subsystem": "reserve", "to_subsystem": "actuation", "mass_kg": 1, "cost_usd": 0, "power_w": 0}
moves that budget in the same transaction, as transfer_budget does: both are done, or neither.';

-- Checks a transfer and returns its amounts, 0 for those that are absent. Such as
-- {"from_subsystem": "reserve", "to_subsystem": "actuation", "mass_kg": 1, "power_w": 50}
create or replace function core.require_budget_transfer(p_transfer jsonb)
returns core.amounts
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_amounts jsonb := jsonb '{"mass_kg": 0, "cost_usd": 0, "power_w": 0}';
  v_entry record;
  v_reason text;
begin
  perform core.require_object('budget_transfer', p_transfer);
  perform core.require_name('budget_transfer.from_subsystem', p_transfer ->> 'from_subsystem');
  perform core.require_name('budget_transfer.to_subsystem', p_transfer ->> 'to_subsystem');
  for v_entry in select * from jsonb_each(p_transfer - array['from_subsystem', 'to_subsystem']) loop
    if v_amounts ? v_entry.key then
      perform core.require_amount('budget_transfer.' || v_entry.key, v_entry.value);
      v_entry.value := to_jsonb(core.round_amount(v_entry.value::numeric));
    else
      v_reason := 'has an unknown key: ' || left(v_entry.key, 200);
    end if;
    v_amounts := v_amounts || jsonb_build_object(v_entry.key, v_entry.value);
  end loop;
  if p_transfer ->> 'from_subsystem' = p_transfer ->> 'to_subsystem' then
    v_reason := 'goes to where it comes from';
  elsif v_amounts = '{"mass_kg": 0, "cost_usd": 0, "power_w": 0}' then
    v_reason := 'moves nothing';
  end if;
  if v_reason is not null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'budget_transfer', 'reason', v_reason),
      'Use from_subsystem and to_subsystem, and at least one of mass_kg, cost_usd and power_w.'
    );
  end if;
  return jsonb_populate_record(null::core.amounts, v_amounts);
end;
$$;

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
  v_from constant text := p_budget_transfer ->> 'from_subsystem';
  v_to constant text := p_budget_transfer ->> 'to_subsystem';
  v_request core.request;
  v_watched text;
  v_latest public.global_constraints;
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
  select core.watched_subsystem(c) into v_watched from public.conflicts as c
  where c.workspace = v_workspace and c.conflict_id = p_conflict_id;
  -- If the budget is still exceeded, the judgement that follows opens the next conflict. So this one is resolved before
  -- it. What the judgement and the transfer lock is locked first, because it comes before conflicts in the lock order.
  if p_budget_transfer is not null or v_watched is not null then
    v_latest := core.lock_constraints(v_workspace);
    perform core.lock_subsystems(v_workspace, array[v_from, v_to, v_watched] || case
      when p_budget_transfer is not null then array(select u.subsystem from core.shared_use(v_latest) as u)
    end);
    perform core.lock_conflict_counter(v_workspace);
  end if;
  perform core.lock_open_conflict(v_workspace, p_conflict_id);
  v_row := core.settle_conflict(
    v_workspace, p_conflict_id, p_resolution, p_resolved_by, p_execution_id,
    case when p_budget_transfer is null then '{}' else jsonb_build_object('budget_transfer', p_budget_transfer) end
  );
  if p_budget_transfer is not null then
    perform core.move_budget(
      v_workspace, v_from, v_to, core.require_budget_transfer(p_budget_transfer), p_resolution, p_resolved_by,
      p_execution_id, null
    );
  end if;
  if v_watched is not null then
    v_latest := core.latest_constraints(v_workspace);
    perform core.judge_budgets(v_latest, array[v_watched], core.shared_overruns(v_latest), true, p_execution_id);
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

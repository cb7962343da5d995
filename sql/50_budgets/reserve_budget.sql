-- The workspace's row is locked first, so reservations and transfers come one after the other; then
-- the row of the subsystem, so that no strict status takes the same amounts meanwhile.
create or replace function core.reserve_budget(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_mass_kg numeric,
  p_cost_usd numeric,
  p_power_w numeric,
  p_ttl_seconds integer,
  p_fencing_token bigint,
  p_locked_subsystem text,
  p_request_id uuid
)
returns setof public.budget_reservations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_amounts jsonb;
  v_request core.request;
  v_row public.budget_reservations;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_name('execution_id', p_execution_id);
  perform core.require_optional_name('locked_subsystem', p_locked_subsystem);
  v_amounts := core.require_amounts(p_mass_kg, p_cost_usd, p_power_w);
  perform core.require_whole_number('ttl_seconds', to_jsonb(p_ttl_seconds), 1, 86400);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'reserve_budget',
    jsonb_build_array(
      p_subsystem, p_agent_name, p_execution_id, v_amounts, p_ttl_seconds, p_fencing_token, p_locked_subsystem
    )
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.budget_reservations, v_request.answer);
    return;
  end if;
  v_row := jsonb_populate_record(null::public.budget_reservations, v_amounts);
  v_row.workspace := v_workspace;
  v_row.reservation_id := gen_random_uuid();
  v_row.subsystem := p_subsystem;
  v_row.agent_name := p_agent_name;
  v_row.execution_id := p_execution_id;
  v_row.fencing_token := p_fencing_token;
  v_row.locked_subsystem := case when p_fencing_token is not null then coalesce(p_locked_subsystem, p_subsystem) end;
  if not core.hold_budget(v_row, p_ttl_seconds) then
    perform core.remember_request(v_request, '[]');
    return;
  end if;
  select * into v_row from public.budget_reservations as r
  where r.workspace = v_workspace and r.subsystem = p_subsystem and r.reservation_id = v_row.reservation_id;
  perform core.write_activity(
    v_workspace, p_agent_name, 'budget_reserved',
    v_amounts || jsonb_build_object('subsystem', p_subsystem, 'reservation_id', v_row.reservation_id),
    p_execution_id
  );
  perform core.remember_request(v_request, jsonb_build_array(v_row));
  return next v_row;
end;
$$;

create or replace function public.reserve_budget(
  subsystem text,
  agent_name text,
  execution_id text,
  mass_kg numeric default 0,
  cost_usd numeric default 0,
  power_w numeric default 0,
  ttl_seconds integer default 300,
  fencing_token bigint default null,
  locked_subsystem text default null,
  request_id uuid default null
)
returns setof public.budget_reservations
language sql
rows 1
set search_path = ''
as $$
  select * from core.reserve_budget(
    subsystem, agent_name, execution_id, mass_kg, cost_usd, power_w, ttl_seconds, fencing_token, locked_subsystem,
    request_id
  );
$$;

comment on function public.reserve_budget(
  text, text, text, numeric, numeric, numeric, integer, bigint, text, uuid
) is
'Holds amounts of what remains of a subsystem''s budget, or of the reserve, for an execution: its row, or an empty list
if not all of it remains. Two that race for the last 2 kg cannot both win.

It ends after ttl_seconds (1 to 86400), by release_budget, or when the same execution has used or moved that much more
of this budget; with a fencing_token also when that lease (of locked_subsystem, by default of subsystem) ends. lease_lost
if that has ended already.';

-- Writes a reservation and returns it; nulls if not all of it remains. It locks the rows of the workspace and of the
-- subsystem: so no change of constraints, no status and no other reservation can come between. The reserve has no row,
-- unless somebody made a subsystem of that name.
create or replace function core.write_reservation(p_wanted public.budget_reservations, p_ttl_seconds integer)
returns public.budget_reservations
language plpgsql
set search_path = ''
as $$
declare
  v_latest constant public.global_constraints := core.lock_constraints(p_wanted.workspace);
  v_allocation constant jsonb := v_latest.budget_allocations -> p_wanted.subsystem;
  v_used public.subsystems;
  v_reserved core.amounts;
begin
  perform core.require_budget_name(p_wanted.workspace, 'subsystem', p_wanted.subsystem, v_latest.budget_allocations);
  if p_wanted.subsystem <> 'reserve' then
    v_used := core.lock_subsystem(p_wanted.workspace, p_wanted.subsystem);
  else
    select * into v_used from public.subsystems as s
    where s.workspace = p_wanted.workspace and s.name = p_wanted.subsystem
    for no key update;
  end if;
  if p_wanted.fencing_token is not null and not exists (
    select from public.agent_locks as l
    where l.workspace = p_wanted.workspace and l.resource_type = 'subsystem'
      and l.resource_name = p_wanted.locked_subsystem and l.fencing_token = p_wanted.fencing_token
      and l.expires_at > clock_timestamp()
  ) then
    perform core.fail_lease_lost(
      'subsystem', p_wanted.locked_subsystem, p_wanted.fencing_token, null::public.agent_locks
    );
  end if;
  v_reserved := core.reserved_amounts(p_wanted.workspace, p_wanted.subsystem, null);
  -- Only the wanted quantities must remain: a subsystem that is over its cost may still have mass left.
  perform from (
    values
    ('mass_kg', p_wanted.mass_kg, v_used.current_mass_kg, v_reserved.mass_kg),
    ('cost_usd', p_wanted.cost_usd, v_used.current_cost_usd, v_reserved.cost_usd),
    ('power_w', p_wanted.power_w, v_used.current_power_w, v_reserved.power_w)
  ) as q (name, wanted, used, reserved)
  where q.wanted > 0
    and q.wanted + coalesce(q.used, 0) + q.reserved > coalesce((v_allocation ->> q.name)::numeric, 0);
  if found then
    return null;
  end if;
  p_wanted.reserved_at := clock_timestamp();
  p_wanted.expires_at := p_wanted.reserved_at + make_interval(secs => p_ttl_seconds);
  insert into public.budget_reservations as r select p_wanted.*
  returning r.* into p_wanted;
  return p_wanted;
end;
$$;

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
  v_amounts core.amounts;
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
  v_row.workspace := v_workspace;
  v_row.reservation_id := gen_random_uuid();
  v_row.subsystem := p_subsystem;
  v_row.mass_kg := v_amounts.mass_kg;
  v_row.cost_usd := v_amounts.cost_usd;
  v_row.power_w := v_amounts.power_w;
  v_row.agent_name := p_agent_name;
  v_row.execution_id := p_execution_id;
  v_row.fencing_token := p_fencing_token;
  v_row.locked_subsystem := case when p_fencing_token is not null then coalesce(p_locked_subsystem, p_subsystem) end;
  v_row := core.write_reservation(v_row, p_ttl_seconds);
  if v_row.reservation_id is null then
    perform core.remember_request(v_request, '[]');
    return;
  end if;
  perform core.write_activity(
    v_workspace, p_agent_name, 'budget_reserved',
    to_jsonb(v_amounts) || jsonb_build_object('subsystem', p_subsystem, 'reservation_id', v_row.reservation_id),
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
  select core.reserve_budget(
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

create or replace function core.release_budget(p_reservation_id uuid, p_execution_id text, p_request_id uuid)
returns setof public.budget_reservations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_rows public.budget_reservations[];
begin
  perform core.require_present('reservation_id', to_jsonb(p_reservation_id));
  perform core.require_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'release_budget', jsonb_build_array(p_reservation_id, p_execution_id)
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.budget_reservations, v_request.answer);
    return;
  end if;
  v_rows := core.end_reservations(v_workspace, array(
    select r.reservation_id from core.live_reservations as r
    where r.workspace = v_workspace and r.reservation_id = p_reservation_id and r.execution_id = p_execution_id
      and r.agent_name = coalesce(core.claimed_agent(), r.agent_name)
  ));
  perform core.remember_request(v_request, to_jsonb(v_rows));
  return query select * from unnest(v_rows);
end;
$$;

create or replace function public.release_budget(
  reservation_id uuid,
  execution_id text,
  request_id uuid default null
)
returns setof public.budget_reservations
language sql
rows 1
set search_path = ''
as $$
  select core.release_budget(reservation_id, execution_id, request_id);
$$;

comment on function public.release_budget(uuid, text, uuid) is
'Gives back what a reservation holds: its row, or nothing (an empty list) if it has ended or is not of this execution.';

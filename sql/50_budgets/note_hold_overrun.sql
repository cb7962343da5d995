-- A status that is not strict may take what reservations of others hold. That opens no conflict while it keeps
-- to the allocation, but their holders will miss it: so the log tells of it, each time that more is taken.
create or replace function core.note_hold_overrun(
  p_old public.subsystems,
  p_new public.subsystems,
  p_allocation jsonb,
  p_execution_id text
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_overruns jsonb;
begin
  select jsonb_object_agg(o.key, o.value) into v_overruns
  from jsonb_each(core.overruns(
    p_allocation, core.used_amounts(p_new), core.held_amounts(p_new.workspace, p_new.name, p_execution_id)
  )) as o
  where o.value ? 'held' and (o.value ->> 'used')::numeric > (core.used_amounts(p_old) ->> o.key)::numeric;
  if v_overruns is null then
    return false;
  end if;
  perform core.write_activity(
    p_new.workspace, 'sharedstate', 'budget_hold_overrun',
    jsonb_build_object('subsystem', p_new.name, 'overruns', v_overruns), p_execution_id
  );
  return true;
end;
$$;

-- No allocation is lowered into what is held of it beside what is used, by anybody: what its own execution
-- moves is spent before. The caller holds the rows of these subsystems, and the workspace's.
create or replace function core.require_holds(
  p_workspace text,
  p_names text[],
  p_old jsonb,
  p_new jsonb
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_name text;
  v_used jsonb;
  v_overruns jsonb;
begin
  foreach v_name in array p_names loop
    perform core.clear_reservations(p_workspace, v_name);
    v_used := core.used_amounts((
      select s from public.subsystems as s where s.workspace = p_workspace and s.name = v_name
    ));
    -- Without an allocation there is no limit, except where there was one: then nothing is left.
    select jsonb_object_agg(o.key, o.value) into v_overruns
    from jsonb_each(core.overruns(
      (select jsonb_object_agg(a.key, 0) from jsonb_each(p_old -> v_name) as a) || coalesce(p_new -> v_name, '{}'),
      v_used, core.held_amounts(p_workspace, v_name, null)
    )) as o
    where o.value ? 'held' and (o.value ->> 'allocated')::numeric < (p_old -> v_name ->> o.key)::numeric;
    if v_overruns is not null then
      perform core.fail_over_budget(jsonb_build_object('subsystem', v_name), v_overruns);
    end if;
  end loop;
  return true;
end;
$$;

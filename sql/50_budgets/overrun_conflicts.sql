-- Conflicts about overruns, which the database opens and resolves by itself
--
-- Invariants, at each commit, except for what an import brought and no write has judged since:
-- - Each subsystem that is over its allocation has exactly one open conflict with the key sharedstate:budget. While the
--   shared budget is exceeded, the robot has exactly one with the key sharedstate:totals. No others are open.
-- - The conflict is updated when its overrun changes, which does not count as another report. If an agent resolves it
--   while the overrun lasts, the next one is opened.
--
-- Lock order: a report locks the conflict counter, then the conflict's row; the end of an overrun locks the row alone.
-- So core.judge_budgets does the reports first.

-- Opens, updates or resolves the conflict about a subsystem's budget; for null the one about the shared budget. The two
-- have different keys, because a subsystem may be named robot.
create or replace function core.watch_overruns(
  p_constraints public.global_constraints,
  p_subsystem text,
  p_overruns jsonb,
  p_execution_id text
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_source constant text := coalesce(p_subsystem, 'robot');
  v_key constant text := 'sharedstate:' || case when p_subsystem is null then 'totals' else 'budget' end;
  v_conflict_id bigint;
  v_told text;
  v_users text[];
begin
  if p_overruns = '{}' then
    select o.conflict_id into v_conflict_id
    from core.find_open_conflict(p_constraints.workspace, v_source, 'system_architect', v_key) as o;
    if found then
      perform core.settle_conflict(
        p_constraints.workspace, v_conflict_id,
        case
          when p_subsystem is null then 'The robot is within its totals again.'
          else p_subsystem || ' is within its budget again.'
        end, 'sharedstate', p_execution_id
      );
    end if;
    return true;
  end if;
  -- "cost_usd 3100 of 3000, mass_kg 16 of 15"
  select string_agg(format(
    '%s %s of %s', o.key, trim_scale((o.value ->> 'used')::numeric), trim_scale((o.value ->> 'allocated')::numeric)
  ), ', ' order by o.key) into v_told
  from jsonb_each(p_overruns) as o;
  if p_subsystem is null then
    v_users := array(
      select distinct u.subsystem from core.shared_use(p_constraints) as u
      where p_overruns ? u.quantity
      order by u.subsystem
    );
    v_told := format(
      'More is used without an allocation than the totals leave: %s (%s)', v_told,
      case when cardinality(v_users) > 5 then cardinality(v_users) || ' subsystems' else array_to_string(v_users, ', ') end
    );
  else
    v_told := format('%s is over its budget: %s', p_subsystem, v_told);
  end if;
  perform core.report_conflict(
    p_constraints.workspace, 'high', 2, v_source, 'system_architect', v_key, v_told,
    jsonb_build_object('overruns', p_overruns) || case
      when p_subsystem is null then jsonb_build_object('scope', 'robot', 'subsystems', v_users)
      else jsonb_build_object('subsystem', p_subsystem)
    end, '{}', p_execution_id, false
  );
  return true;
end;
$$;

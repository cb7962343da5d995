-- Keeps the conflict about what the totals leave unallocated in step with its overrun. It has a key of its own:
-- somebody may have named a subsystem robot. p_overruns: {} or null for none.
create or replace function core.watch_totals(
  p_constraints public.global_constraints,
  p_overruns jsonb,
  p_execution_id text
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_users text[];
begin
  if coalesce(p_overruns, '{}') = '{}' then
    return core.settle_overrun(
      p_constraints.workspace, 'robot', 'sharedstate:totals', 'The robot is within its totals again.', p_execution_id
    );
  end if;
  v_users := array(
    select distinct u.subsystem from core.shared_use(p_constraints) as u
    where p_overruns ? u.quantity
    order by u.subsystem
  );
  return core.report_conflict(
    p_constraints.workspace, 'high', 2, 'robot', 'system_architect', 'sharedstate:totals',
    format(
      'More is used without an allocation than the totals leave: %s (%s)', core.describe_overruns(p_overruns),
      case when cardinality(v_users) > 5 then cardinality(v_users) || ' subsystems' else array_to_string(v_users, ', ') end
    ),
    jsonb_build_object('scope', 'robot', 'subsystems', v_users, 'overruns', p_overruns), '{}', p_execution_id, false
  ) is not null;
end;
$$;

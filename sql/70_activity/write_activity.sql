-- Writes the log entry of a mutation, in its transaction. The caller has checked the names: the table does not.
create or replace function core.write_activity(
  p_workspace text,
  p_agent_name text,
  p_activity text,
  p_details jsonb,
  p_execution_id text
)
returns public.agent_activity_logs
language plpgsql
set search_path = ''
as $$
declare
  v_row public.agent_activity_logs;
begin
  insert into public.agent_activity_logs as a (workspace, agent_name, activity, details, execution_id)
  values (p_workspace, p_agent_name, p_activity, p_details, p_execution_id)
  returning a.* into v_row;
  return v_row;
end;
$$;

-- A name that nobody can have would find nothing, and read as "nothing happened".
create or replace function core.require_activity_filter(p_agent_name text, p_execution_id text, p_activity text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  perform core.require_optional_name('agent_name', p_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  return p_activity is null or core.require_label('activity', p_activity);
end;
$$;

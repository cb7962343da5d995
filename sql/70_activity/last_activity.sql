-- The cursor behind the last entry that a follower could have read by now.
create or replace function core.last_activity(p_workspace text, p_before xid8)
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce((
    select a.transaction_id || '/' || a.id from public.agent_activity_logs as a
    where a.workspace = p_workspace and a.transaction_id < p_before
    order by a.transaction_id desc, a.id desc
    limit 1
  ), '0/0');
end;
$$;

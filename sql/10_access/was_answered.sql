-- Whether the call of this request id was done before. One that is under way is waited for.
create or replace function core.was_answered(p_workspace text, p_request_id uuid)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if p_request_id is null then
    return false;
  end if;
  perform core.lock_request(p_workspace, p_request_id);
  return exists (
    select from core.requests as r where r.workspace = p_workspace and r.request_id = p_request_id
  );
end;
$$;

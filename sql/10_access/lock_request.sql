-- Holds a request id until commit, first in the lock order: a call that carries it while another one
-- does waits for that one's outcome instead of running beside it.
create or replace function core.lock_request(p_workspace text, p_request_id uuid)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(p_workspace || '/' || p_request_id, 0));
  return true;
end;
$$;

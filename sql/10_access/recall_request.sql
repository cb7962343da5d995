-- First step of every mutation, and first in the lock order. The advisory lock makes a repetition
-- that overlaps its original wait for that one's outcome instead of running beside it.
create or replace function core.recall_request(
  p_workspace text,
  p_request_id uuid,
  p_function_name text,
  p_arguments jsonb
)
returns core.request
language plpgsql
set search_path = ''
as $$
declare
  v_request core.request;
  v_known core.requests;
begin
  v_request.workspace := p_workspace;
  v_request.request_id := p_request_id;
  v_request.function_name := p_function_name;
  v_request.is_replay := false;
  if p_request_id is null then
    return v_request;
  end if;
  v_request.arguments_hash := hashtextextended(p_arguments::text, 0);
  perform pg_advisory_xact_lock(hashtextextended(p_workspace || '/' || p_request_id, 0));
  select * into v_known from core.requests as r
  where r.workspace = p_workspace and r.request_id = p_request_id;
  if not found then
    return v_request;
  end if;
  if (v_known.function_name, v_known.arguments_hash)
    is distinct from (p_function_name, v_request.arguments_hash) then
    perform core.fail(
      'request_id_reused',
      jsonb_build_object('request_id', p_request_id, 'first_used_by', v_known.function_name),
      'Make a new request_id for every new call; repeat one only with the same arguments.'
    );
  end if;
  v_request.is_replay := true;
  v_request.answer := v_known.answer;
  return v_request;
end;
$$;

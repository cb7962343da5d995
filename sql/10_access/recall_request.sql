-- First step of every mutation: whether it is a repetition, and what was answered then.
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
  v_hash bigint;
  v_known core.requests;
begin
  if p_request_id is null then
    return row(p_workspace, null, p_function_name, null, false, null)::core.request;
  end if;
  v_hash := hashtextextended(p_arguments::text, 0);
  perform core.lock_request(p_workspace, p_request_id);
  select * into v_known from core.requests as r
  where r.workspace = p_workspace and r.request_id = p_request_id;
  if v_known.function_name <> p_function_name or v_known.arguments_hash <> v_hash then
    perform core.fail_request_id_reused(p_request_id, v_known.function_name);
  end if;
  return row(
    p_workspace, p_request_id, p_function_name, v_hash, v_known.request_id is not null, v_known.answer
  )::core.request;
end;
$$;

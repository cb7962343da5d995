-- Nothing twice: a call that is repeated with its request id gets the first answer and changes nothing.
--
-- Every mutation begins with recall_request and ends with remember_request, in one transaction: what it changed and
-- what it answered are both there, or neither. The id is locked until commit (advisory), first in the lock order: a
-- call that carries it while another one does waits for that one's outcome instead of running beside it.
-- The same id with other arguments is an error. Answers are kept for 24 hours. A call without an id is not kept.

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
  -- As core.lock_request does it, which every call would have to wait a little longer for. A statement of its own: the
  -- next one then sees what the call that had the lock has committed.
  perform pg_advisory_xact_lock(hashtextextended(p_workspace || '/' || p_request_id, 0));
  select * into v_known from core.requests as r
  where r.workspace = p_workspace and r.request_id = p_request_id;
  if v_known.function_name <> p_function_name or v_known.arguments_hash <> v_hash then
    perform core.fail(
      'request_id_reused',
      jsonb_build_object('request_id', p_request_id, 'first_used_by', v_known.function_name),
      'Make a new request_id for every new call; repeat one only with the same arguments.'
    );
  end if;
  return row(
    p_workspace, p_request_id, p_function_name, v_hash, v_known.request_id is not null, v_known.answer
  )::core.request;
end;
$$;

-- One call in a hundred also drops what is older than a day, so that the table stays as large as a day's work
-- without a scheduler.
create or replace function core.remember_request(p_request core.request, p_answer jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if p_request.request_id is null then
    return false;
  end if;
  insert into core.requests (workspace, request_id, function_name, arguments_hash, answer)
  values (p_request.workspace, p_request.request_id, p_request.function_name, p_request.arguments_hash, p_answer);
  if random() < 0.01 then
    perform core.forget_old_requests();
  end if;
  return true;
end;
$$;

-- The lock alone, for whoever needs no more of a request.
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

-- Takes the oldest few hundred by the index and skips what another caller is just deleting. With them go
-- requests that were in line for a lock when their client died, if nobody has queued for that lock since.
create or replace function core.forget_old_requests()
returns integer
language plpgsql
set search_path = ''
as $$
declare
  -- Read once: compared with clock_timestamp() itself, every row would have to be looked at.
  v_before constant timestamptz := clock_timestamp() - interval '24 hours';
  v_count integer;
begin
  -- Materialized, because a join may run a subquery more than once, and each run would find other rows.
  with old as materialized (
    select o.workspace, o.request_id from core.requests as o
    where o.created_at < v_before
    order by o.created_at
    limit 500
    for update skip locked
  )
  delete from core.requests as r
  using old
  where r.workspace = old.workspace and r.request_id = old.request_id;
  get diagnostics v_count = row_count;
  with dead as materialized (
    select d.ticket_id from core.lock_tickets as d
    where d.alive_until < v_before
    limit 500
    for update skip locked
  )
  delete from core.lock_tickets as t
  using dead
  where t.ticket_id = dead.ticket_id;
  return v_count;
end;
$$;

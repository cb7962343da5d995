-- Idempotency: a call that is repeated with the same request_id gets the first answer and changes nothing.
--
-- Every mutation begins with recall_request and ends with remember_request. Both are in the transaction of the
-- mutation, so a change and its answer are committed together. An advisory lock on the id, first in the lock order, is
-- kept until commit: of two calls with one id that run at the same time, the second waits for the first.
-- The same id with other arguments is an error. Answers are kept for 24 hours. A call without an id is not remembered.

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
  -- As core.lock_request, but without the cost of calling it. A statement of its own, so that the next one sees what
  -- the call that held the lock has committed.
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

-- One call in a hundred also deletes what is older than a day. So the table stays as small as a day's work, without a
-- scheduler.
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

-- Locks a request id until commit, without looking for its answer.
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

-- Deletes the oldest few hundred answers, and skips those that another call is deleting. Also deletes tickets whose
-- clients died a day ago; core.enqueue has deleted those that were in the way of somebody.
create or replace function core.forget_old_requests()
returns integer
language plpgsql
set search_path = ''
as $$
declare
  -- Read once: clock_timestamp() is volatile, so a comparison with it could not use the index.
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

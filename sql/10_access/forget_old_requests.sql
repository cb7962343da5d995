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

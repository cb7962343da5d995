-- Takes the oldest few hundred by the index and skips what another caller is just deleting.
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
  return v_count;
end;
$$;

-- Numbers and tokens that were handed out are never handed out again: counters only grow. That of the
-- conflicts comes later in the lock order: see core.import_conflict_counter.
create or replace function core.import_counters(p_workspace text, p_counters jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('counters', 0, 0, 0);
begin
  perform core.require_counters(p_counters);
  insert into core.fencing_counters as f (workspace, resource_type, resource_name, last_token)
  select p_workspace, e.resource_type, e.resource_name, e.last_token
  from jsonb_populate_recordset(null::core.fencing_counters, p_counters -> 'fencing') as e
  order by e.resource_type, e.resource_name
  on conflict (workspace, resource_type, resource_name)
  do update set last_token = excluded.last_token where f.last_token < excluded.last_token;
  get diagnostics v_counts.imported = row_count;
  v_counts.unchanged := coalesce(jsonb_array_length(p_counters -> 'fencing'), 0) - v_counts.imported;
  return v_counts;
end;
$$;

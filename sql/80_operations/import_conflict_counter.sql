-- The last of the counters, added to the counts of the others.
create or replace function core.import_conflict_counter(
  p_workspace text,
  p_counters jsonb,
  p_counts public.import_counts
)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
begin
  if p_counters ? 'last_conflict_id' then
    update core.conflict_counters as n set last_conflict_id = (p_counters ->> 'last_conflict_id')::bigint
    where n.workspace = p_workspace and n.last_conflict_id < (p_counters ->> 'last_conflict_id')::bigint;
    p_counts.imported := p_counts.imported + found::integer;
    p_counts.unchanged := p_counts.unchanged + (not found)::integer;
  end if;
  return p_counts;
end;
$$;

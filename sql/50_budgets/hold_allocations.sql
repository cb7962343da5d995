-- Until commit, who has an allocation keeps it. Writers of a status that stay within what is allocated to their
-- subsystem share this (advisory, as they write nothing by it, and are many); whoever takes an allocation away,
-- or sets a total where there was none, is alone.
create or replace function core.hold_allocations(p_workspace text, p_is_exclusive boolean)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_key constant bigint := hashtextextended('allocations/' || p_workspace, 0);
begin
  if p_is_exclusive then
    perform pg_advisory_xact_lock(v_key);
  else
    perform pg_advisory_xact_lock_shared(v_key);
  end if;
  return true;
end;
$$;

-- Until commit, nobody publishes a document of these subsystems: whoever notes which versions it has read
-- is told of every later one (inputs_changed). Readers share it; only a publication is exclusive. Advisory,
-- as a lock on the subsystems' rows would hold up their statuses, and write each time; and of 64 places, for
-- a reader of 1000 subsystems must not fill the server's table of locks. Publications that share a place
-- take turns.
create or replace function core.hold_publications(p_workspace text, p_subsystems text[], p_is_exclusive boolean)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_place integer;
  v_key bigint;
begin
  for v_place in select distinct hashtext(n.name) & 63 from unnest(p_subsystems) as n (name) order by 1 loop
    v_key := hashtextextended('publications/' || p_workspace || '/' || v_place, 0);
    if p_is_exclusive then
      perform pg_advisory_xact_lock(v_key);
    else
      perform pg_advisory_xact_lock_shared(v_key);
    end if;
  end loop;
  return true;
end;
$$;

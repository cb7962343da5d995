-- Bounded far below what the columns hold: a counter at its end would stop its workspace for good.
create or replace function core.require_counters(p_counters jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_most constant bigint := 1::bigint << 53;
  v_entry jsonb;
begin
  if p_counters ? 'last_conflict_id' then
    perform core.require_whole_number(
      'document.counters.last_conflict_id', p_counters -> 'last_conflict_id', 0, v_most
    );
  end if;
  if jsonb_typeof(p_counters -> 'fencing') <> 'array' then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'document.counters.fencing', 'reason', 'is no list'),
      'Send the counters of export_state.'
    );
  end if;
  for v_entry in select e.value from jsonb_array_elements(p_counters -> 'fencing') as e loop
    perform core.require_object('document.counters.fencing', v_entry);
    perform core.require_name('document.counters.fencing.resource_type', v_entry ->> 'resource_type');
    perform core.require_name('document.counters.fencing.resource_name', v_entry ->> 'resource_name');
    perform core.require_whole_number(
      'document.counters.fencing.last_token', v_entry -> 'last_token', 1, v_most
    );
  end loop;
  return true;
end;
$$;

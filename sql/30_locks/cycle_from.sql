-- The cycle that a search has found (core.find_cycle): from its first ticket to the one at p_at, which waits
-- for p_resource, which leads back to the first.
create or replace function core.cycle_from(
  p_tickets core.lock_tickets[],
  p_from integer[],
  p_by core.resource[],
  p_at integer,
  p_resource core.resource
)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_at integer := p_at;
  v_resource core.resource := p_resource;
  v_cycle jsonb := '[]'::jsonb;
begin
  while v_at > 0 loop
    v_cycle := core.waits_for(p_tickets[v_at], v_resource) || v_cycle;
    v_resource := p_by[v_at];
    v_at := p_from[v_at];
  end loop;
  return v_cycle;
end;
$$;

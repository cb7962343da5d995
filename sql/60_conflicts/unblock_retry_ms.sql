-- When a blocked agent that is not parked should ask again: all agents that are blocked in a workspace
-- together ask at most 500 times a second, and 20 of them still hear of a resolution within 50 ms.
create or replace function core.unblock_retry_ms(p_workspace text)
returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select least(500, greatest(20, 2 * count(distinct a.name)))
    from public.conflicts as c
    cross join unnest(c.blocks_agents) as a (name)
    where c.workspace = p_workspace and c.status = 'open' and c.blocks_agents <> '{}'
  );
end;
$$;

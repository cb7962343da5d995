-- When a blocked agent that is not parked should ask again: all of a workspace that do ask, by whoever asked
-- within the last second, together ask some 1,000 times a second at most, and 20 of them still hear of a
-- resolution within 50 ms. Agents of one subsystem count as one, however each calls itself.
create or replace function core.unblock_retry_ms(p_workspace text, p_agent_name text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_subsystem constant text := core.agent_subsystem(p_agent_name);
  v_now constant timestamptz := clock_timestamp();
  v_asked_at timestamptz;
begin
  select b.asked_at into v_asked_at from core.blocked_askers as b
  where b.workspace = p_workspace and b.subsystem = v_subsystem;
  -- Not with each question: that would be a write every 20 ms.
  if v_asked_at is null or v_asked_at < v_now - interval '0.3 seconds' then
    insert into core.blocked_askers as b (workspace, subsystem, asked_at) values (p_workspace, v_subsystem, v_now)
    on conflict (workspace, subsystem) do update set asked_at = excluded.asked_at;
    -- Those that ask no longer would be counted past with each question. One that is locked asks just now.
    with gone as materialized (
      select o.subsystem from core.blocked_askers as o
      where o.workspace = p_workspace and o.asked_at < v_now - interval '1 minute'
      for update skip locked
    )
    delete from core.blocked_askers as b using gone as g
    where b.workspace = p_workspace and b.subsystem = g.subsystem;
  end if;
  return (
    select least(500, greatest(20, 1.25 * count(*)))::integer from core.blocked_askers as b
    where b.workspace = p_workspace and b.asked_at > v_now - interval '1 second'
  );
end;
$$;

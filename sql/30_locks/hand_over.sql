-- Trigger after each DELETE of a lease: release, check-in, clean-up, force_release_lock, or by hand in psql.
-- Grants the resource to the first in line, in the same transaction.
--
-- The row of the ended lease is locked by now, and the lock order has counters before leases. So this never waits for a
-- counter, for another lease or for a ticket: several leases that end together hand over in the order of their rows. If
-- one of them is locked, it grants nothing: the waiter is granted when it asks next.
create or replace function core.hand_over()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_ticket_id constant bigint := core.first_in_line(
    old.workspace, row(old.resource_type, old.resource_name)::core.resource
  );
  v_resource core.resource;
  v_ticket core.lock_tickets;
begin
  if v_ticket_id is null then
    return null;
  end if;
  for v_resource in
    select r.resource_type, r.resource_name from core.lock_ticket_resources as r
    where r.ticket_id = v_ticket_id
    order by r.resource_type, r.resource_name
  loop
    perform from core.fencing_counters as c
    where c.workspace = old.workspace
      and c.resource_type = v_resource.resource_type and c.resource_name = v_resource.resource_name
    for update skip locked;
    if not found then
      return null;
    end if;
    perform from public.agent_locks as l
    where l.workspace = old.workspace
      and l.resource_type = v_resource.resource_type and l.resource_name = v_resource.resource_name
    for update skip locked;
    if not found and exists (
      select from public.agent_locks as l
      where l.workspace = old.workspace
        and l.resource_type = v_resource.resource_type and l.resource_name = v_resource.resource_name
    ) then
      return null;
    end if;
  end loop;
  select * into v_ticket from core.lock_tickets as t where t.ticket_id = v_ticket_id for update skip locked;
  if found then
    perform core.grant_leases(v_ticket, null);
  end if;
  return null;
end;
$$;

create trigger agent_locks_hand_over
after delete on public.agent_locks
for each row execute function core.hand_over();

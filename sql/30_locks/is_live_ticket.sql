-- A waiter that did not ask again for too long (core.keep_waiting), or whose time is up, is passed over; if it comes
-- back in time, its place is still there.
create or replace function core.is_live_ticket(p_ticket core.lock_tickets)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return p_ticket.alive_until > clock_timestamp()
    and p_ticket.gives_up_at > clock_timestamp()
    and p_ticket.refused is null;
end;
$$;

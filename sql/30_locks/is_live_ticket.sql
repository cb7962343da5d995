-- A waiter is heard of every second or two. One that was silent for 5 s, or whose time is up, is
-- passed over; if it comes back in time, its place is still there.
create or replace function core.is_live_ticket(p_ticket core.lock_tickets)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return p_ticket.seen_at > clock_timestamp() - interval '5 seconds'
    and p_ticket.gives_up_at > clock_timestamp()
    and p_ticket.refused is null;
end;
$$;

-- Trigger before each DELETE of a ticket, while its resources are there: logs how long each was waited for, whether it
-- was granted or not. Waits of less than a second are not logged, because a lock that is quickly passed on has one with
-- each grant. Nor are those of a client that fell silent a minute ago or longer: core.enqueue and the daily cleaning
-- delete such tickets, within a call of somebody else.
create or replace function core.log_lock_wait()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_waited constant interval := least(clock_timestamp(), old.alive_until, old.gives_up_at) - old.created_at;
begin
  perform core.write_activity(
    old.workspace, old.agent_name, 'lock_waited',
    jsonb_build_object(
      'resource_type', r.resource_type, 'resource_name', r.resource_name,
      'waited_seconds', round(extract(epoch from v_waited), 3)
    ),
    old.execution_id
  )
  from core.lock_ticket_resources as r
  where r.ticket_id = old.ticket_id;
  return old;
end;
$$;

create trigger lock_tickets_log_wait
before delete on core.lock_tickets
for each row
when (
  least(clock_timestamp(), old.alive_until, old.gives_up_at)
  >= greatest(old.created_at + interval '1 second', clock_timestamp() - interval '60 seconds')
)
execute function core.log_lock_wait();

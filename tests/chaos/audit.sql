-- Notes of the tests' own, made by triggers: every grant, and whom it overtook.
create schema audit;
create table audit.departed (
  workspace text,
  request_id uuid,
  ticket_id bigint,
  queue_key timestamptz,
  primary key (workspace, request_id)
);
create table audit.grants (
  grant_id bigint generated always as identity primary key,
  workspace text,
  resource_name text,
  fencing_token bigint,
  request_id uuid,
  waited boolean,
  queued bigint,
  overtaken uuid []
);

create function audit.note_departure() returns trigger language plpgsql as $$
begin
  insert into audit.departed values (old.workspace, old.request_id, old.ticket_id, old.queue_key);
  return null;
end;
$$;
create trigger note_departure after delete on core.lock_tickets
for each row execute function audit.note_departure();

-- Who surely waited: in line for a while, heard of lately, with time left. A ticket that was written
-- at the very moment of the grant may be ahead of it and is not counted.
create function audit.note_grant() returns trigger language plpgsql as $$
declare
  v_own audit.departed;
begin
  select * into v_own from audit.departed as d
  where d.workspace = new.workspace and d.request_id = new.request_id;
  insert into audit.grants (
    workspace, resource_name, fencing_token, request_id, waited, queued, overtaken
  )
  select
    new.workspace, new.resource_name, new.fencing_token, new.request_id, v_own.ticket_id is not null,
    count(*),
    array_agg(t.request_id) filter (
      where v_own.ticket_id is null or (t.queue_key, t.ticket_id) < (v_own.queue_key, v_own.ticket_id)
    )
  from core.lock_tickets as t
  inner join core.lock_ticket_resources as r on t.ticket_id = r.ticket_id
  where r.workspace = new.workspace
    and r.resource_type = new.resource_type and r.resource_name = new.resource_name
    and t.refused is null
    and t.gives_up_at > clock_timestamp() + interval '1 second'
    and t.created_at < clock_timestamp() - interval '0.25 seconds'
    and t.alive_until > clock_timestamp() + interval '1 second';
  return null;
end;
$$;
create trigger note_grant after insert or update of fencing_token on public.agent_locks
for each row execute function audit.note_grant();

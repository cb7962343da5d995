-- The resources of a JSON list: checked, each once, in the order in which they are locked.
create or replace function core.require_resources(p_resources jsonb)
returns core.resource[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_resource jsonb;
begin
  if jsonb_typeof(p_resources) is distinct from 'array' or jsonb_array_length(p_resources) not between 1 and 100 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'resources', 'reason', 'is no list of 1 to 100 resources'),
      'Send a list such as [{"resource_type": "subsystem", "resource_name": "skeleton"}].'
    );
  end if;
  for v_resource in select e.value from jsonb_array_elements(p_resources) as e loop
    perform core.require_object('resources', v_resource);
    perform core.require_name('resources.resource_type', v_resource ->> 'resource_type');
    perform core.require_name('resources.resource_name', v_resource ->> 'resource_name');
  end loop;
  return array(
    select distinct row(e.value ->> 'resource_type', e.value ->> 'resource_name')::core.resource
    from jsonb_array_elements(p_resources) as e
    order by 1
  );
end;
$$;

create or replace function core.acquire_locks(
  p_resources jsonb,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_wait_seconds numeric,
  p_priority integer,
  p_request_id uuid
)
returns setof public.agent_locks
language plpgsql
security definer
set search_path = ''
as $$
begin
  return query select * from unnest(core.take_leases(
    core.require_resources(p_resources), p_agent_name, p_execution_id, p_ttl_seconds, p_wait_seconds, p_priority,
    p_request_id
  ));
end;
$$;

create or replace function public.acquire_locks(
  resources jsonb,
  agent_name text,
  execution_id text,
  ttl_seconds integer default 300,
  wait_seconds numeric default 0,
  priority integer default 3,
  request_id uuid default null
)
returns setof public.agent_locks
language sql
set search_path = ''
as $$
  select core.acquire_locks(
    resources, agent_name, execution_id, ttl_seconds, wait_seconds, priority, request_id
  );
$$;

comment on function public.acquire_locks(jsonb, text, text, integer, numeric, integer, uuid) is
'Takes the leases of several resources, all of them or none: their rows, or an empty list.

resources: [{"resource_type": "subsystem", "resource_name": "skeleton"}, ...]. The rest as acquire_lock. While it
waits, a request holds nothing.';

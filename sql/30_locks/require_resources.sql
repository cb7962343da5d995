-- One or more resources as JSON objects, checked, without repetitions, in the order of locking.
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

-- The claim pins: with a `workspace` claim, the x-workspace header is not even looked at.
create or replace function core.named_workspace()
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_claims constant jsonb := core.jwt_claims();
begin
  if v_claims ? 'workspace' then
    return v_claims ->> 'workspace';
  end if;
  return coalesce(
    nullif(nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-workspace', ''),
    'default'
  );
end;
$$;

comment on function core.named_workspace() is
'The workspace that the caller names, whether it exists or not.';

create or replace function core.claimed_agent()
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return core.jwt_claims() ->> 'agent';
end;
$$;

comment on function core.claimed_agent() is
'The agent name that the token pins, or null where it pins none.';

-- A token with an `agent` claim speaks for that agent alone; without one, the caller names itself.
create or replace function core.require_agent(p_argument text, p_agent_name text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  perform core.require_name(p_argument, p_agent_name);
  if core.jwt_claims() ? 'agent' and p_agent_name is distinct from core.claimed_agent() then
    perform core.fail(
      'agent_mismatch',
      jsonb_build_object('agent_name', p_agent_name, 'token_agent', core.claimed_agent()),
      'Use the name in the token, or a token for this agent.'
    );
  end if;
  return true;
end;
$$;

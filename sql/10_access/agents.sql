-- Who calls, and what that agent works on.
--
-- A token with the claim `agent` may act for that agent alone. Without the claim the caller says who it is. Names of
-- agents are not secret: two callers without a claim that give the same name are one agent to the database.
-- Reads no table and takes no lock.

create or replace function core.claimed_agent()
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'agent';
end;
$$;

comment on function core.claimed_agent() is
'The agent name that the token pins, or null where it pins none.';

create or replace function core.require_agent(p_argument text, p_agent_name text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  perform core.require_name(p_argument, p_agent_name);
  if v_claims ? 'agent' and p_agent_name is distinct from v_claims ->> 'agent' then
    perform core.fail(
      'agent_mismatch',
      jsonb_build_object('agent_name', p_agent_name, 'token_agent', v_claims ->> 'agent'),
      'Use the name in the token, or a token for this agent.'
    );
  end if;
  return true;
end;
$$;

-- skeleton, skeleton_agent and skeleton_designer all work on subsystem skeleton. The name _agent stays as it is.
create or replace function core.agent_subsystem(p_agent_name text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return regexp_replace(p_agent_name, '(.)_(agent|designer)$', '\1');
end;
$$;

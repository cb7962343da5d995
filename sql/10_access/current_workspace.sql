-- An unknown name is an error and not an empty design, because a typo would otherwise look like one.
create or replace function core.current_workspace()
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.named_workspace();
begin
  if not exists (select from core.workspaces as w where w.name = v_workspace) then
    perform core.fail(
      'unknown_workspace',
      jsonb_build_object('workspace', left(v_workspace, 200)),
      'Make it first: sharedstate init --workspace NAME, or the RPC init_workspace.'
    );
  end if;
  return v_workspace;
end;
$$;

comment on function core.current_workspace() is
'The caller''s workspace: the JWT claim, else the x-workspace header, else default.';

-- A budget can be held out of, or moved to, whatever has one, each known subsystem, and the reserve.
create or replace function core.require_budget_name(
  p_workspace text,
  p_argument text,
  p_name text,
  p_allocations jsonb
)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_name <> 'reserve' and not p_allocations ? p_name and not exists (
    select from public.subsystems as s where s.workspace = p_workspace and s.name = p_name
  ) then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is no known subsystem', 'value', p_name),
      'Name a subsystem, or reserve.'
    );
  end if;
  return true;
end;
$$;

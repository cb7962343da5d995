create or replace function core.require_severity(p_severity text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_severity is null or p_severity not in ('low', 'medium', 'high', 'critical') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'severity', 'reason', 'is unknown', 'value', left(p_severity, 200)),
      'Use low, medium, high or critical.'
    );
  end if;
  return true;
end;
$$;

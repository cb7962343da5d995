create or replace function core.require_name(p_argument text, p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_reason constant text := core.name_fault(p_name);
begin
  if v_reason is not null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', v_reason, 'value', left(p_name, 200)),
      'A name has 1 to 128 characters in Unicode NFC, none a control character, and no space at its beginning or end.'
    );
  end if;
  return true;
end;
$$;

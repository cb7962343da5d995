create or replace function core.require_label(p_argument text, p_label text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if not core.is_label(p_label) then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', p_argument,
        'reason', case when p_label is null then 'is missing' else 'is not a valid label' end,
        'value', left(p_label, 200)
      ),
      'Use 1 to 200 characters without control characters, and not only spaces.'
    );
  end if;
  return true;
end;
$$;

create or replace function core.require_text(p_argument text, p_text text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_text is null or btrim(p_text) = '' or length(p_text) > 10000 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', p_argument,
        'reason', case when length(p_text) > 10000 then 'is too long' else 'is missing or empty' end
      ),
      'Use 1 to 10000 characters.'
    );
  end if;
  return true;
end;
$$;

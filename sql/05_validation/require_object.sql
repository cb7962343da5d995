create or replace function core.require_object(p_argument text, p_document jsonb, p_levels integer default 200)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if jsonb_typeof(p_document) is distinct from 'object' then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', p_argument,
        'reason', format('is %s, not a JSON object', coalesce('a JSON ' || jsonb_typeof(p_document), 'missing'))
      ),
      'Send an object such as {"key": "value"}.'
    );
  end if;
  return core.require_readable(p_argument, p_document, p_levels);
end;
$$;

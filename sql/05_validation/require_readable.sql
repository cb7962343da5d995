-- What is stored is read by everybody in the workspace, in every language: so nothing may be in it that
-- common readers of JSON stumble over. A number beyond a double is an error to some and thousands of
-- digits to others (1e131071 is eight characters in a request, and 128 kB in each answer); a deep nesting
-- is more than their recursion allows.
create or replace function core.require_readable(p_argument text, p_document jsonb, p_levels integer)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_reason text;
begin
  if jsonb_path_exists(p_document, format('strict $.**{%s}', p_levels + 1)::jsonpath) then
    v_reason := format('is nested more than %s levels deep', p_levels);
  elsif jsonb_path_exists(
    p_document,
    'strict $.** ? (@.type() == "number" && (@ > 1e308 || @ < -1e308 || (@ > -1e-307 && @ < 1e-307 && @ != 0)))'
  ) then
    v_reason := 'has a number that is no double: beyond 1e308, or nearer to 0 than 1e-307';
  else
    return true;
  end if;
  return core.fail(
    'invalid_argument',
    jsonb_build_object('argument', p_argument, 'reason', v_reason),
    'Send such a number as text, and a deep structure flat.'
  );
end;
$$;

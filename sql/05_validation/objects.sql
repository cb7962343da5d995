-- JSON objects: details, documents, and patches of a row.
--
-- Agents in every language read what is stored. So two things are refused that common JSON parsers cannot read:
-- - a number that no double can hold. Some parsers fail; others print all digits (1e131071 becomes 128 kB).
-- - nesting that is deeper than the recursion of a parser may go.
-- Reads no table and takes no lock.

create or replace function core.require_object(p_argument text, p_document jsonb, p_levels integer default 200)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_reason text;
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
  elsif jsonb_path_exists(p_document, format('strict $.**{%s}', p_levels + 1)::jsonpath) then
    v_reason := format('is nested more than %s levels deep', p_levels);
  elsif jsonb_path_exists(
    p_document,
    'strict $.** ? (@.type() == "number" && (@ > 1e308 || @ < -1e308 || (@ > -1e-307 && @ < 1e-307 && @ != 0)))'
  ) then
    v_reason := 'has a number that is no double: beyond 1e308, or nearer to 0 than 1e-307';
  end if;
  return v_reason is null or core.fail(
    'invalid_argument',
    jsonb_build_object('argument', p_argument, 'reason', v_reason),
    'Send such a number as text, and a deep structure flat.'
  );
end;
$$;

-- Checks an object whose unknown keys go to metadata. metadata itself is checked apart: what was once accepted as an
-- unknown key is one level deeper there, and must still be accepted when the row is sent back or imported.
create or replace function core.require_patch(p_argument text, p_patch jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if jsonb_typeof(p_patch) = 'object' and p_patch ? 'metadata' then
    perform core.require_object(p_argument || '.metadata', p_patch -> 'metadata');
    p_patch := p_patch - 'metadata';
  end if;
  return core.require_object(p_argument, p_patch);
end;
$$;

-- RFC 7396 at the top level: a null removes its key, any other value replaces it.
create or replace function core.merge_patch(p_document jsonb, p_patch jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (p_document || p_patch) - array(select e.key from jsonb_each(p_patch) as e where e.value = 'null');
end;
$$;

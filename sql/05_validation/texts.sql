-- Labels (states and activities, which agents invent) and texts (descriptions and reasons, which people read).
--
-- Both are shown in terminals, where an escape sequence could clear or forge output. So control characters are refused.
-- A label or text without any visible character is refused too.
-- Reads no table and takes no lock.

-- True if there is a character other than those listed. The list has code points, because the classes of regular
-- expressions depend on the locale. It has spaces, and characters that no font shows: joiners, direction marks,
-- fillers, variation selectors, tags, the byte order mark.
create or replace function core.is_visible(p_text text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(
    p_text ~ (
      '[^\u0001-\u0020\u007F-\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F'
      || '\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\U000E0000-\U000E0FFF]'
    ),
    false
  );
end;
$$;

comment on function core.is_visible(text) is
'True for a text in which there is something to see.';

create or replace function core.require_label(p_argument text, p_label text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(
    length(p_label) between 1 and 200 and p_label !~ '[\u0001-\u001F\u007F-\u009F]' and core.is_visible(p_label),
    false
  ) or core.fail(
    'invalid_argument',
    jsonb_build_object(
      'argument', p_argument,
      'reason', case when p_label is null then 'is missing' else 'is not a valid label' end,
      'value', left(p_label, 200)
    ),
    'Use 1 to 200 characters without control characters, and not only spaces.'
  );
end;
$$;

-- A carriage return is accepted in a line break of Windows. Alone it would let a terminal write over the line.
create or replace function core.require_text(p_argument text, p_text text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_reason constant text := case
    when not core.is_visible(p_text) then 'is missing or empty'
    when length(p_text) > 10000 then 'is too long'
    when p_text ~ '[\u0001-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]|\r(?!\n)' then 'holds a control character'
  end;
begin
  return v_reason is null or core.fail(
    'invalid_argument',
    jsonb_build_object('argument', p_argument, 'reason', v_reason),
    'Use 1 to 10000 characters, not only spaces; of control characters only line breaks and tabs.'
  );
end;
$$;

-- Words: labels (states and activities, which agents invent) and texts (what people read).
--
-- Both are shown in terminals. An escape sequence in them could clear or forge what is seen there, so control
-- characters are refused, and so is what has nothing to see in it.
-- Reads no table and takes no lock.

-- By code points, because what a database takes for a space or for printable depends on its locale. Beside
-- spaces these are the characters that no font shows: joiners, marks of direction, fillers, variation
-- selectors, tags, the byte order mark.
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

-- A carriage return is accepted where it belongs to a line break of Windows; alone it lets a line be written over.
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

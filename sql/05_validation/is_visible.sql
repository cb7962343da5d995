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

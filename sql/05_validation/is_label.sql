-- States and activities: agents invent them freely, so only what breaks a terminal or cannot be seen is refused.
create or replace function core.is_label(p_label text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(
    length(p_label) between 1 and 200 and p_label !~ '[\u0001-\u001F\u007F-\u009F]' and core.is_visible(p_label),
    false
  );
end;
$$;

comment on function core.is_label(text) is
'True for 1 to 200 characters without control characters, one of them visible.';

-- States and activities: agents invent them freely, so only what breaks a terminal is refused.
create or replace function core.is_label(p_label text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(p_label !~ '[[:cntrl:]]' and length(p_label) between 1 and 200, false);
end;
$$;

comment on function core.is_label(text) is
'True for 1 to 200 characters without control characters.';

-- What row level security asks. PostgREST sets the headers of each request, and gets the error that a wrong
-- name deserves. Realtime sets claims alone, and asks for each of its subscribers in turn whether it may see a
-- row: an error of one would take the change from all of them. There an unknown workspace just has no rows.
create or replace function core.visible_workspace()
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if coalesce(current_setting('request.headers', true), '') = '' then
    return core.named_workspace();
  end if;
  return core.current_workspace();
end;
$$;

comment on function core.visible_workspace() is
'The workspace whose rows the caller may read.';

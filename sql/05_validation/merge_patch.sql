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

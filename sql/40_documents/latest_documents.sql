-- The latest row of a document of each named subsystem that has published any, by name.
create or replace function core.latest_documents(p_workspace text, p_document text, p_subsystems text[])
returns setof jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return query execute format(
    'select to_jsonb(latest)
     from (select distinct n.name from unnest($2) as n (name)) as named
     cross join lateral (
       select d.* from public.%I as d where d.workspace = $1 and d.subsystem_name = named.name
       order by d.version desc limit 1
     ) as latest
     order by named.name', (core.document_store(p_document)).table_name
  ) using p_workspace, p_subsystems;
end;
$$;

-- What a subsystem's work was made from and has changed since: a list of {"subsystem", "document",
-- "seen_version", "new_version", "changed_paths"}. Evaluated for readers of system_status, who may not
-- call what it needs: so with the rights of its owner.
create or replace function core.stale_inputs(p_workspace text, p_subsystem text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'subsystem', d.on_subsystem,
      'document', d.document,
      'seen_version', d.seen_version,
      'new_version', latest.version,
      'changed_paths', core.changed_paths(p_workspace, d.document, d.on_subsystem, d.seen_version, latest.version)
    ) order by d.on_subsystem, d.document), '[]')
    from public.document_dependencies as d
    cross join lateral core.latest_version(p_workspace, d.document, d.on_subsystem) as latest (version)
    where d.workspace = p_workspace and d.subsystem = p_subsystem
      and latest.version > greatest(d.seen_version, d.accepted_version)
  );
end;
$$;

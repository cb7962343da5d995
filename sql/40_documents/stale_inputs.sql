-- What a subsystem's work was made from and has changed since: a list of {"subsystem", "document",
-- "seen_version", "new_version", "changed_paths"}. A new version that says the same changes nothing: two
-- that read each other and publish with each check-in would else be stale by turns for ever. Nor does one
-- that says what was accepted. Evaluated for readers of system_status, who may not call what it needs: so with
-- the rights of its owner.
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
      'changed_paths', changes.paths
    ) order by d.on_subsystem, d.document), '[]')
    from public.document_dependencies as d
    cross join lateral core.latest_version(p_workspace, d.document, d.on_subsystem) as latest (version)
    cross join lateral (
      select core.changed_paths(p_workspace, d.document, d.on_subsystem, d.seen_version, latest.version) as paths
      where latest.version > greatest(d.seen_version, d.accepted_version) and (
        d.accepted_version is null
        or core.document_content(p_workspace, d.document, d.on_subsystem, d.accepted_version)
        is distinct from core.document_content(p_workspace, d.document, d.on_subsystem, latest.version)
      )
      offset 0  -- to compare once, and not for each mention of the paths
    ) as changes
    where d.workspace = p_workspace and d.subsystem = p_subsystem and changes.paths <> '[]'
  );
end;
$$;

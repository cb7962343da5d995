-- One entry in the log for each subsystem that a new version makes stale, in the transaction of the
-- publication: for work that was made from another one, or that will be by the check-in of what was read of
-- another one. p_row is the row of the new version.
create or replace function core.notify_dependents(
  p_workspace text,
  p_document text,
  p_subsystem text,
  p_row jsonb,
  p_execution_id text
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_version constant integer := (p_row ->> 'version')::integer;
  v_dependency record;
  v_count integer := 0;
begin
  for v_dependency in
    with dependents as materialized (
      select d.subsystem, s.is_read, s.version, s.accepted_version
      from public.document_dependencies as d
      cross join lateral (
        values (false, d.seen_version, d.accepted_version), (true, d.read_version, null)
      ) as s (is_read, version, accepted_version)
      where d.workspace = p_workspace and d.on_subsystem = p_subsystem and d.document = p_document
        and s.version is not null and v_version > greatest(s.version, s.accepted_version)
    ), changes as materialized (
      -- Many have seen the same version: what has changed since is found once for all of them.
      select s.version, core.changed_paths(p_workspace, p_document, p_subsystem, s.version, v_version) as paths
      from (select d.version from dependents as d union select d.accepted_version from dependents as d) as s
      where s.version is not null
    )
    select distinct on (d.subsystem) d.subsystem, d.version as seen_version, c.paths
    from dependents as d
    inner join changes as c on d.version = c.version and c.paths <> '[]'
    left join changes as a on d.accepted_version = a.version
    where a.paths is distinct from '[]'
    order by d.subsystem, d.is_read
  loop
    perform core.write_activity(
      p_workspace, p_row ->> 'created_by', 'inputs_changed',
      jsonb_build_object(
        'subsystem', v_dependency.subsystem, 'on_subsystem', p_subsystem, 'document', p_document,
        'seen_version', v_dependency.seen_version, 'new_version', v_version,
        'changed_paths', v_dependency.paths
      ),
      p_execution_id
    );
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

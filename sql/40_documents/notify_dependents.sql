-- One entry in the log for each subsystem that a new version makes stale, in the transaction of the
-- publication. p_row is the row of the new version.
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
      select d.subsystem, d.seen_version from public.document_dependencies as d
      where d.workspace = p_workspace and d.on_subsystem = p_subsystem and d.document = p_document
        and v_version > greatest(d.seen_version, d.accepted_version)
    ), changes as materialized (
      -- Many have seen the same version: what has changed since is found once for all of them.
      select s.seen_version, core.changed_paths(p_workspace, p_document, p_subsystem, s.seen_version, v_version) as paths
      from (select distinct d.seen_version from dependents as d) as s
    )
    select d.subsystem, d.seen_version, c.paths
    from dependents as d inner join changes as c on d.seen_version = c.seen_version and c.paths <> '[]'
    order by d.subsystem
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

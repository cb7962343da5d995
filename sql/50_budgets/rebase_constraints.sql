-- A patch that was made from a version, put on top of the latest; see core.rebase_document.
create or replace function core.rebase_constraints(
  p_latest public.global_constraints,
  p_base_version integer,
  p_patch jsonb
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_base constant jsonb := core.constraints_of_version(p_latest.workspace, p_base_version);
begin
  return core.rebase_document(
    '{"document": "global_constraints"}', p_base_version, p_latest.version,
    v_base, core.constraints_content(p_latest), coalesce(core.patch_constraints(v_base, p_patch), p_patch)
  );
end;
$$;

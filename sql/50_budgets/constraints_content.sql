-- What of a version of the constraints its writers decide, as one document.
create or replace function core.constraints_content(p_row public.global_constraints)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return to_jsonb(p_row)
    - array['workspace', 'version', 'base_version', 'merged', 'created_by', 'created_at'];
end;
$$;

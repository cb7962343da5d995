-- Publishes the next version of a subsystem's document and returns its row; the caller has checked who
-- may. The lock on the subsystem's row makes concurrent writers take their numbers one after the other.
-- Where others published since p_base_version, what both did is merged, or refused with stale_version.
-- p_activity is what the log calls it; null if the caller logs it as a part of something larger.
create or replace function core.write_document(
  p_workspace text,
  p_document text,
  p_subsystem text,
  p_content jsonb,
  p_created_by text,
  p_base_version integer,
  p_execution_id text,
  p_activity text
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_store constant core.document_store := core.document_store(p_document);
  v_content jsonb := p_content;
  v_theirs jsonb;
  v_latest jsonb;
  v_version integer;
  v_row jsonb;
begin
  perform core.lock_subsystem(p_workspace, p_subsystem);
  perform core.hold_publications(p_workspace, array[p_subsystem], true);
  execute format(
    'select to_jsonb(d) from public.%I as d where d.workspace = $1 and d.subsystem_name = $2
     order by d.version desc limit 1', v_store.table_name
  ) into v_latest using p_workspace, p_subsystem;
  v_version := coalesce((v_latest ->> 'version')::integer, 0);
  v_theirs := coalesce(v_latest -> v_store.column_name, '{}');
  if p_base_version is not null then
    v_content := core.rebase_document(
      jsonb_build_object('document', p_document, 'subsystem', p_subsystem),
      p_base_version, v_version,
      case
        when p_base_version = v_version then v_theirs
        else core.document_content(p_workspace, p_document, p_subsystem, p_base_version)
      end,
      v_theirs, p_content
    );
  end if;
  if p_base_version < v_version and v_content = v_theirs then
    return v_latest;  -- others did the same already, so there is nothing to publish
  end if;
  execute format(
    'insert into public.%I as d (workspace, subsystem_name, version, %I, created_by, base_version, merged)
     values ($1, $2, %s, $4, $5, $6, $7) returning to_jsonb(d)',
    v_store.table_name, v_store.column_name,
    -- The first is the column's default: 1, or after a restore what was never handed out.
    case when v_version = 0 then 'default' else '$3' end
  ) into v_row using
    p_workspace, p_subsystem, v_version + 1, v_content, p_created_by, p_base_version,
    coalesce(p_base_version <> v_version, false);
  if p_activity is not null then
    perform core.write_activity(
      p_workspace, p_created_by, p_activity,
      jsonb_build_object('subsystem', p_subsystem, 'version', v_row -> 'version', 'merged', v_row -> 'merged'),
      p_execution_id
    );
  end if;
  perform core.notify_dependents(p_workspace, p_document, p_subsystem, v_row, p_execution_id);
  return v_row;
end;
$$;

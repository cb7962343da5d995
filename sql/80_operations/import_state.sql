-- Checks the document and its sections. Entries are checked where they are imported.
create or replace function core.require_import_document(p_document jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_section record;
begin
  -- An object of 200 levels may be six levels deep in the document: conflicts[i].events[j].details.details.
  perform core.require_object('document', p_document, 206);
  if p_document ->> 'format' is distinct from 'sharedstate/1' then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'document.format', 'reason', 'is unknown', 'value', p_document -> 'format'),
      'Send a document made by export_state: its format is sharedstate/1.'
    );
  end if;
  for v_section in select * from jsonb_each(p_document - array['format', 'workspace', 'exported_at']) loop
    if v_section.key = 'counters' then
      perform core.require_object('document.counters', v_section.value);
    elsif v_section.key not in (
      'global_constraints', 'subsystems', 'subsystem_requirements', 'subsystem_interfaces',
      'subsystem_designs', 'document_dependencies', 'conflicts', 'agent_activity_logs'
    ) or not jsonb_path_match(
      v_section.value, 'strict $.type() == "array" && !exists($[*] ? (@.type() != "object"))'
    ) then
      perform core.fail(
        'invalid_argument',
        jsonb_build_object(
          'argument', 'document.' || left(v_section.key, 100), 'reason', 'is no known list of objects'
        ),
        'Send the sections of export_state, each a list of objects.'
      );
    end if;
  end loop;
  return true;
end;
$$;

create or replace function core.import_state(p_document jsonb, p_request_id uuid)
returns setof public.import_counts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_last_conflict_id constant jsonb := p_document -> 'counters' -> 'last_conflict_id';
  v_request core.request;
  v_counts public.import_counts[];
  v_conflicts public.import_counts;
begin
  perform core.require_import_document(p_document);
  v_request := core.recall_request(v_workspace, p_request_id, 'import_state', p_document);
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.import_counts, v_request.answer);
    return;
  end if;
  begin
    v_counts := array[
      core.import_constraints(v_workspace, p_document -> 'global_constraints'),
      core.import_fencing_counters(v_workspace, p_document -> 'counters'),
      core.import_subsystems(v_workspace, p_document -> 'subsystems')
    ];
    perform core.correct_within_budget(core.lock_constraints(v_workspace));
    v_counts := v_counts || array[
      core.import_documents(
        v_workspace, 'subsystem_requirements', 'requirements', p_document -> 'subsystem_requirements'
      ),
      core.import_documents(v_workspace, 'subsystem_interfaces', 'interfaces', p_document -> 'subsystem_interfaces'),
      core.import_documents(v_workspace, 'subsystem_designs', 'design_data', p_document -> 'subsystem_designs')
    ];
    -- In the lock order the conflict counter comes after the subsystems, and before the dependencies.
    perform core.lock_conflict_counter(v_workspace);
    if v_last_conflict_id is not null then
      update core.conflict_counters as n set last_conflict_id = v_last_conflict_id::bigint
      where n.workspace = v_workspace and n.last_conflict_id < v_last_conflict_id::bigint;
      v_counts[2].imported := v_counts[2].imported + found::integer;
      v_counts[2].unchanged := v_counts[2].unchanged + (not found)::integer;
    end if;
    v_conflicts := core.import_conflicts(v_workspace, p_document -> 'conflicts');
    v_counts := v_counts || array[
      core.import_dependencies(v_workspace, p_document -> 'document_dependencies'),
      v_conflicts,
      core.import_activity(v_workspace, p_document -> 'agent_activity_logs')
    ];
  exception
    when data_exception or integrity_constraint_violation or cardinality_violation then
      perform core.fail(
        'invalid_argument',
        jsonb_build_object('argument', 'document', 'reason', sqlerrm),
        'Nothing of this document was imported; correct the entry and import it again.'
      );
  end;
  perform core.remember_request(v_request, to_jsonb(v_counts));
  return query select * from unnest(v_counts);
end;
$$;

create or replace function public.import_state(document jsonb, request_id uuid default null)
returns setof public.import_counts
language sql
set search_path = ''
set statement_timeout = '5min'
as $$
  select * from core.import_state(document, request_id);
$$;

comment on function public.import_state(jsonb, uuid) is
'For operators: adds the entries of a document (format sharedstate/1; any part of one will do) that are not there yet,
and counts them by section.

An entry is known by its identity (name, version, number, import_key). An identical one is unchanged, a default that
nobody has touched gives way, anything else is refused and left as it is. Importing again changes nothing.';

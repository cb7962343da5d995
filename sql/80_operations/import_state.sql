create or replace function core.import_state(p_document jsonb, p_request_id uuid)
returns setof public.import_counts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_counts public.import_counts[];
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
      core.import_counters(v_workspace, p_document -> 'counters'),
      core.import_subsystems(v_workspace, p_document -> 'subsystems')
    ];
    perform core.correct_within_budget(core.lock_constraints(v_workspace));
    v_counts := v_counts || array[
      core.import_documents(v_workspace, 'requirements', p_document -> 'subsystem_requirements'),
      core.import_documents(v_workspace, 'interfaces', p_document -> 'subsystem_interfaces'),
      core.import_documents(v_workspace, 'design', p_document -> 'subsystem_designs')
    ];
    v_counts[2] := core.import_conflict_counter(v_workspace, p_document -> 'counters', v_counts[2]);
    v_counts := v_counts || array[
      core.import_dependencies(v_workspace, p_document -> 'document_dependencies'),
      core.import_conflicts(v_workspace, p_document -> 'conflicts'),
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

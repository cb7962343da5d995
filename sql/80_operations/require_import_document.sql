create or replace function core.require_import_document(p_document jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_section record;
begin
  -- The documents in it, 200 levels themselves, begin six levels deep at most: what a report of a conflict said,
  -- conflicts[i].events[j].details.details.
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

create or replace function core.import_activity(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('agent_activity_logs', 0, 0, 0);
begin
  if jsonb_path_exists(p_entries, '$[*] ? (!exists(@.import_key) || @.import_key == null)') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'document.agent_activity_logs', 'reason', 'has an entry without import_key'),
      'Give each entry a uuid that stays the same when it is imported again.'
    );
  end if;
  perform
    core.require_name('document.agent_activity_logs.agent_name', e.agent_name),
    core.require_label('document.agent_activity_logs.activity', e.activity)
  from jsonb_populate_recordset(null::public.agent_activity_logs, p_entries) as e;
  insert into public.agent_activity_logs (
    workspace, agent_name, activity, details, execution_id, "timestamp", import_key
  )
  select
    p_workspace, e.agent_name, e.activity, coalesce(e.details, '{}'), e.execution_id,
    coalesce(e."timestamp", clock_timestamp()), e.import_key
  from jsonb_populate_recordset(null::public.agent_activity_logs, p_entries) as e
  on conflict (workspace, import_key) where import_key is not null do nothing;
  get diagnostics v_counts.imported = row_count;
  v_counts.unchanged := coalesce(jsonb_array_length(p_entries), 0) - v_counts.imported;
  return v_counts;
end;
$$;

-- Whether a conflict may be opened again. The database's own may not: while a budget is exceeded the one about that
-- is open, and one that was opened beside the facts would stay so until somebody writes amounts. The caller holds
-- the counter and the conflict's row.
create or replace function core.require_reopenable(p_conflict public.conflicts)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if p_conflict.status <> 'resolved' then
    perform core.fail(
      'conflict_not_resolved',
      jsonb_build_object('conflict_id', p_conflict.conflict_id, 'status', p_conflict.status),
      'It is open already; add a note if there is something to add.'
    );
  end if;
  perform core.require_no_duplicate(p_conflict, p_conflict.target_agent);
  if core.watched_subsystem(p_conflict.workspace, p_conflict.conflict_id) is not null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', 'conflict_id', 'reason', 'is about a budget, and belongs to the database',
        'value', p_conflict.conflict_id
      ),
      'The database opens the next one by itself when the budget is exceeded; log one of your own about anything else.'
    );
  end if;
  return true;
end;
$$;

-- Transaction numbers are those of one database server. A log that was dumped here and restored there carries numbers
-- that may lie ahead of the new server's: entries written there would go before them, and be missed by followers.
create or replace function core.require_followable(p_last public.agent_activity_logs, p_cursor text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_next constant xid8 := pg_snapshot_xmax(pg_current_snapshot());
begin
  if p_cursor !~ '^[0-9]{1,19}/[0-9]{1,18}$' then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'cursor', 'reason', 'is no cursor', 'value', left(p_cursor, 200)),
      'Send a cursor that read_activity returned, "0/0" for the log''s first entry, or null for what comes from now on.'
    );
  elsif split_part(p_cursor, '/', 1)::xid8 >= v_next then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'cursor', 'reason', 'is of another database server', 'value', p_cursor),
      'Begin anew: with "0/0" at the log''s first entry, or with null.'
    );
  end if;
  -- Not for what this transaction wrote itself, whose number this snapshot may not count as given.
  if p_last.transaction_id >= v_next and p_last.transaction_id is distinct from pg_current_xact_id_if_assigned() then
    perform core.fail(
      'log_restored',
      jsonb_build_object('transaction_id', p_last.transaction_id, 'next_transaction_id', v_next),
      'Once, as the owner: update public.agent_activity_logs set transaction_id = pg_current_xact_id() where true.'
    );
  end if;
  return true;
end;
$$;

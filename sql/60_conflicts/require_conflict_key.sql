-- Null, or a label. Those of the conflicts that the database opens and resolves by itself are kept out of
-- the agents' reach, or it would overwrite and resolve theirs.
create or replace function core.require_conflict_key(p_conflict_key text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if starts_with(p_conflict_key, 'sharedstate:') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', 'conflict_key', 'reason', 'belongs to the database', 'value', left(p_conflict_key, 200)
      ),
      'Use a key that does not begin with sharedstate:'
    );
  end if;
  return p_conflict_key is null or core.require_label('conflict_key', p_conflict_key);
end;
$$;

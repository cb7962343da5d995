-- Checks an object of which unknown keys go to metadata. That is looked at by itself: what was sent beside it is
-- one level deeper there, and has to be taken when the row that was read is sent back, or imported.
create or replace function core.require_patch(p_argument text, p_patch jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if jsonb_typeof(p_patch) = 'object' and p_patch ? 'metadata' then
    perform core.require_object(p_argument || '.metadata', p_patch -> 'metadata');
    p_patch := p_patch - 'metadata';
  end if;
  return core.require_object(p_argument, p_patch);
end;
$$;

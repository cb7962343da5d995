create or replace function core.require_blocks(p_blocks text[])
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_name text;
begin
  if array_ndims(p_blocks) > 1 or cardinality(p_blocks) > 1000 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'blocks', 'reason', 'is no flat list of up to 1000 names'),
      'Send a list of agent names.'
    );
  end if;
  foreach v_name in array coalesce(p_blocks, '{}') loop
    perform core.require_name('blocks', v_name);
  end loop;
  return true;
end;
$$;

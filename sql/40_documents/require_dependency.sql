create or replace function core.require_dependency(p_subsystem text, p_on_subsystem text, p_document text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_name('on_subsystem', p_on_subsystem);
  perform core.require_document(p_document);
  if p_on_subsystem = p_subsystem then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'on_subsystem', 'reason', 'is the subsystem itself', 'value', p_on_subsystem),
      'Name another subsystem whose document was read.'
    );
  end if;
  return true;
end;
$$;

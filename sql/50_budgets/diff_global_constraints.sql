-- A read that needs a core half: the comparison is done by functions that agents may not call themselves.
create or replace function core.diff_global_constraints(p_from_version integer, p_to_version integer)
returns setof public.document_change
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_contents jsonb[];
  v_version integer;
begin
  foreach v_version in array array[p_from_version, p_to_version] loop
    v_contents := v_contents || core.constraints_of_version(v_workspace, v_version);
    if v_contents[cardinality(v_contents)] is null then
      perform core.fail(
        'unknown_version',
        jsonb_build_object('document', 'global_constraints', 'version', v_version),
        'The history of the document lists the versions that there are.'
      );
    end if;
  end loop;
  return query select * from core.compare_documents(v_contents[1], v_contents[2]);
end;
$$;

create or replace function public.diff_global_constraints(from_version integer, to_version integer)
returns setof public.document_change
language sql
stable
set search_path = ''
as $$
  select * from core.diff_global_constraints(from_version, to_version);
$$;

comment on function public.diff_global_constraints(integer, integer) is
'What differs between two versions of limits and budgets, part by part, with the JSON pointer of each. Version 0 is what
was there before the first. unknown_version if there is none of that number.';

-- What a writer made of a base, with the base's number wherever the writer only sent back what it had read: many
-- clients read numbers as doubles, and a number that none of them holds would else count as changed by whoever
-- changed something next to it. Where nothing differs, nothing is looked at; as deep as core.has_parts.
create or replace function core.keep_numbers(p_base jsonb, p_yours jsonb, p_depth integer default 0)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_type constant text := jsonb_typeof(p_yours);
begin
  if p_base = p_yours then
    return p_base;
  elsif jsonb_typeof(p_base) is distinct from v_type or p_depth >= 100 then
    return p_yours;
  elsif v_type = 'number' then
    return case when core.is_read_as(p_base::numeric, p_yours::numeric) then p_base else p_yours end;
  elsif v_type = 'object' then
    return (
      select coalesce(jsonb_object_agg(y.key, case
        when b.value is null then y.value
        when b.value = y.value then b.value
        else core.keep_numbers(b.value, y.value, p_depth + 1)
      end), '{}')
      from jsonb_each(p_yours) as y left join jsonb_each(p_base) as b on y.key = b.key
    );
  elsif v_type = 'array' then
    return (
      select coalesce(jsonb_agg(case
        when b.value is null then y.value
        when b.value = y.value then b.value
        else core.keep_numbers(b.value, y.value, p_depth + 1)
      end order by y.place), '[]')
      from jsonb_array_elements(p_yours) with ordinality as y (value, place)
      left join jsonb_array_elements(p_base) with ordinality as b (value, place) on y.place = b.place
    );
  end if;
  return p_yours;
end;
$$;

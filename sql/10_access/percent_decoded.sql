-- Headers of HTTP are ASCII, names are not.
create or replace function core.percent_decoded(p_text text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_text ~ '%(?![0-9A-Fa-f]{2})' then
    return null;
  end if;
  return (
    select convert_from(
      string_agg(
        case when p.part[1] like '\%%' then decode(substr(p.part[1], 2), 'hex') else convert_to(p.part[1], 'UTF8') end,
        ''::bytea order by p.place
      ),
      'UTF8'
    )
    from regexp_matches(p_text, '%..|[^%]+', 'g') with ordinality as p (part, place)
  );
exception
  when character_not_in_repertoire then
    return null;
end;
$$;

comment on function core.percent_decoded(text) is
'The text whose UTF-8 was percent-encoded; null where this is no such encoding.';

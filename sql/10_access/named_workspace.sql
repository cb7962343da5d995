-- The claim pins: with a `workspace` claim, the x-workspace header is not even looked at. In the header the name may be
-- percent-encoded, and one that has other characters than ASCII, or a %, has to be.
create or replace function core.named_workspace()
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_claims constant jsonb := core.jwt_claims();
  v_header text;
begin
  if v_claims ? 'workspace' then
    return v_claims ->> 'workspace';
  end if;
  v_header := coalesce(
    nullif(nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-workspace', ''),
    'default'
  );
  if position('%' in v_header) = 0 then
    return v_header;
  end if;
  if core.percent_decoded(v_header) is null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', 'x-workspace', 'reason', 'is not percent-encoded UTF-8', 'value', left(v_header, 200)
      ),
      'Encode the name for the header as encodeURIComponent does, or urllib.parse.quote: % itself is %25.'
    );
  end if;
  return core.percent_decoded(v_header);
end;
$$;

comment on function core.named_workspace() is
'The workspace that the caller names, whether it exists or not.';

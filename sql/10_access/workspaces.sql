-- Which workspace a call is about, and whether its caller may use it.
--
-- A workspace is one design, isolated from the others. The JWT claim `workspace` decides: with it the header
-- x-workspace is ignored. Without the claim the header decides, without both it is `default`. PostgREST sets claims and
-- headers for each request. In psql both are unset or empty, so an operator works in `default`. An unknown name is an
-- error: read as an empty design, a typo would not be noticed. Takes no lock.

-- HTTP headers are ASCII, names are not. So they may be percent-encoded.
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

-- A name in the header may be percent-encoded; one with a %, or with characters beyond ASCII, must be.
create or replace function core.current_workspace()
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  v_header text;
  v_workspace text;
begin
  if v_claims ? 'workspace' then
    v_workspace := v_claims ->> 'workspace';
  else
    v_header := coalesce(
      nullif(nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-workspace', ''),
      'default'
    );
    v_workspace := case when position('%' in v_header) > 0 then core.percent_decoded(v_header) else v_header end;
    if v_workspace is null then
      perform core.fail(
        'invalid_argument',
        jsonb_build_object(
          'argument', 'x-workspace', 'reason', 'is not percent-encoded UTF-8', 'value', left(v_header, 200)
        ),
        'Encode the name for the header as encodeURIComponent does, or urllib.parse.quote: % itself is %25.'
      );
    end if;
  end if;
  perform from core.workspaces as w where w.name = v_workspace;
  if not found then
    perform core.fail(
      'unknown_workspace',
      jsonb_build_object('workspace', left(v_workspace, 200)),
      'Make it first: sharedstate init --workspace NAME, or the RPC init_workspace.'
    );
  end if;
  return v_workspace;
end;
$$;

comment on function core.current_workspace() is
'The caller''s workspace: the JWT claim, else the x-workspace header, else default.';

-- For row level security. PostgREST sets headers: then a wrong name is an error. Realtime sets claims alone, and checks
-- each change for one subscriber after another: an error would keep the change from all of them. So there an unknown
-- workspace has no rows.
create or replace function core.visible_workspace()
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  if coalesce(current_setting('request.headers', true), '') <> '' then
    return core.current_workspace();
  end if;
  return case when v_claims ? 'workspace' then v_claims ->> 'workspace' else 'default' end;
end;
$$;

comment on function core.visible_workspace() is
'The workspace whose rows the caller may read.';

-- Whether the caller's token is good for this workspace: for each, unless it names one.
create or replace function core.is_open_workspace(p_workspace text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_claims constant jsonb := coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb, '{}');
begin
  return not v_claims ? 'workspace' or coalesce(v_claims ->> 'workspace' = p_workspace, false);
end;
$$;

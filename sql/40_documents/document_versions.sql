-- The versions of a subsystem's three documents: requirements, interfaces and design. Each kind has a table of its own.
-- They differ in the name of the column with the content; the view core.documents shows all three alike.
--
-- - Versions are 1, 2, 3, ... without gaps, except after a restore. A version that was written never changes.
-- - Version 0 stands for the empty document before the first.
-- - Numbers are given under the lock on the subsystem's row.
-- - A publication locks out those who note which versions they read. So they are told of every later version.
--
-- Lock order: subsystem row, then publications. Dependencies and the log come after both.

-- Until commit, nobody else publishes a document of these subsystems. Those who note which versions they read share the
-- lock; a publication has it alone. It is advisory, because a lock on the subsystems' rows would keep statuses waiting.
-- Subsystems are hashed to 64 places, because a reader of 1000 subsystems must not fill the server's lock table.
create or replace function core.lock_publications(p_workspace text, p_subsystems text[], p_is_exclusive boolean)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_place integer;
  v_key bigint;
begin
  for v_place in select distinct hashtext(n.name) & 63 from unnest(p_subsystems) as n (name) order by 1 loop
    v_key := hashtextextended('publications/' || p_workspace || '/' || v_place, 0);
    if p_is_exclusive then
      perform pg_advisory_xact_lock(v_key);
    else
      perform pg_advisory_xact_lock_shared(v_key);
    end if;
  end loop;
  return true;
end;
$$;

-- The content of one version; null if there is no such version.
create or replace function core.document_content(
  p_workspace text,
  p_document text,
  p_subsystem text,
  p_version integer
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_version = 0 then
    return '{}'::jsonb;
  end if;
  return (
    select d.content from core.documents as d
    where d.workspace = p_workspace and d.document = p_document and d.subsystem = p_subsystem
      and d.version = p_version
  );
end;
$$;

-- The content of one version, or the error unknown_version.
create or replace function core.require_document_version(
  p_workspace text,
  p_document text,
  p_subsystem text,
  p_version integer
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_content constant jsonb := core.document_content(p_workspace, p_document, p_subsystem, p_version);
begin
  if v_content is null then
    perform core.fail(
      'unknown_version',
      jsonb_build_object('document', p_document, 'subsystem', p_subsystem, 'version', p_version),
      'The history of the document lists the versions that there are.'
    );
  end if;
  return v_content;
end;
$$;

-- Checks the name of a kind of document.
create or replace function core.require_document(p_document text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_document is null or p_document not in ('requirements', 'interfaces', 'design') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'document', 'reason', 'is no kind of document', 'value', left(p_document, 200)),
      'Use requirements, interfaces or design.'
    );
  end if;
  return true;
end;
$$;

-- Publishes the next version of a document and returns its number. The caller has checked that it may. If others have
-- published since p_base_version, both changes are merged, or refused with stale_version. p_is_logged: false if the
-- caller logs it itself.
create or replace function core.write_document(
  p_workspace text,
  p_document text,
  p_subsystem text,
  p_content jsonb,
  p_created_by text,
  p_base_version integer,
  p_execution_id text,
  p_is_logged boolean
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_content jsonb := p_content;
  v_latest integer;
  v_theirs jsonb;
  v_version integer;
begin
  perform core.lock_subsystem(p_workspace, p_subsystem);
  perform core.lock_publications(p_workspace, array[p_subsystem], true);
  select d.version, d.content into v_latest, v_theirs from core.documents as d
  where d.workspace = p_workspace and d.document = p_document and d.subsystem = p_subsystem
  order by d.version desc limit 1;
  v_latest := coalesce(v_latest, 0);
  if p_base_version is not null then
    v_theirs := coalesce(v_theirs, '{}');
    v_content := core.rebase_document(
      jsonb_build_object('document', p_document, 'subsystem', p_subsystem),
      p_base_version, v_latest,
      case
        when p_base_version = v_latest then v_theirs
        else core.document_content(p_workspace, p_document, p_subsystem, p_base_version)
      end,
      v_theirs, p_content
    );
    if p_base_version < v_latest and v_content = v_theirs then
      return v_latest;  -- others did the same already, so there is nothing to publish
    end if;
  end if;
  -- Nothing that a client sent is part of this text. The first version is the column's default: 1, which a restore
  -- changes to a number that was never given.
  execute format(
    'insert into public.subsystem_%s as d (workspace, subsystem_name, version, %s, created_by, base_version, merged)
     values ($1, $2, %s, $4, $5, $6, $7) returning d.version',
    case p_document when 'design' then 'designs' else p_document end,
    case p_document when 'design' then 'design_data' else p_document end,
    case when v_latest = 0 then 'default' else '$3' end
  ) into v_version using
    p_workspace, p_subsystem, v_latest + 1, v_content, p_created_by, p_base_version,
    coalesce(p_base_version <> v_latest, false);
  if p_is_logged then
    perform core.write_activity(
      p_workspace, p_created_by, p_document || '_updated',
      jsonb_build_object(
        'subsystem', p_subsystem, 'version', v_version, 'merged', coalesce(p_base_version <> v_latest, false)
      ),
      p_execution_id
    );
  end if;
  perform core.notify_dependents(
    p_workspace, p_document, p_subsystem, v_version, v_content, p_created_by, p_execution_id
  );
  return v_version;
end;
$$;

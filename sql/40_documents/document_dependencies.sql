-- Which versions of other subsystems' documents the work of a subsystem is made from, and which of them have changed.
--
-- - What a checkout reads counts as seen after the check-in, not before. record_dependency counts at once.
-- - A subsystem is stale while the latest version differs from the one that it has seen, and from the one that a
--   check-in has accepted. A new version with the same content makes nobody stale: else two subsystems that read each
--   other, and publish with each check-in, would make each other stale for ever.
-- - A publication logs inputs_changed for each subsystem that it makes stale, in its transaction. An import does not.
--
-- Lock order: rows of dependencies come last, by subsystem, document and the subsystem that is depended on. A version
-- that is noted as read was read under core.lock_publications.

-- Checks the arguments of record_dependency and remove_dependency.
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

-- The documents that subsystems have seen and that have changed since; `input` is how all who read it are told. It does
-- not say what has changed in them. Who looks at a board asks this each second, and it takes long to compare large
-- documents part by part. `offset 0` has each version looked up by index.
create view core.stale_inputs
with (security_invoker = true) as
select
  d.workspace,
  d.subsystem,
  d.on_subsystem,
  d.document,
  d.seen_version,
  latest.version as new_version,
  jsonb_build_object(
    'subsystem', d.on_subsystem,
    'document', d.document,
    'seen_version', d.seen_version,
    'new_version', latest.version
  ) as input
from public.document_dependencies as d
cross join
  lateral (
    select
      v.version,
      v.content
    from core.documents as v
    where
      v.workspace = d.workspace and v.document = d.document and v.subsystem = d.on_subsystem
      and v.version > greatest(d.seen_version, d.accepted_version)
    order by v.version desc
    limit 1
  ) as latest
where
  not (d.seen_version = 0 and latest.content = '{}')
  and not exists (
    select from core.documents as v
    where
      v.workspace = d.workspace and v.document = d.document and v.subsystem = d.on_subsystem
      and v.version in (d.seen_version, d.accepted_version)
      and v.content = latest.content
    offset 0 -- noqa: AM09
  );

-- Logs inputs_changed for each subsystem that a new version makes stale, in the transaction of the publication: now,
-- because of the version that it has seen, or at its check-in, because of the version that its checkout has read.
create or replace function core.notify_dependents(
  p_workspace text,
  p_document text,
  p_subsystem text,
  p_version integer,
  p_content jsonb,
  p_created_by text,
  p_execution_id text
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_dependency record;
  v_count integer := 0;
begin
  for v_dependency in
    with dependents as materialized (
      select d.subsystem, s.is_read, s.version, s.accepted_version
      from public.document_dependencies as d
      cross join lateral (
        values (false, d.seen_version, d.accepted_version), (true, d.read_version, null)
      ) as s (is_read, version, accepted_version)
      where d.workspace = p_workspace and d.on_subsystem = p_subsystem and d.document = p_document
        and s.version is not null and p_version > greatest(s.version, s.accepted_version)
    ), changes as materialized (
      -- Many may have seen the same version: each is compared once.
      select
        s.version,
        core.changed_paths(core.document_content(p_workspace, p_document, p_subsystem, s.version), p_content) as paths
      from (select d.version from dependents as d union select d.accepted_version from dependents as d) as s
      where s.version is not null
    )
    select distinct on (d.subsystem) d.subsystem, d.version as seen_version, c.paths
    from dependents as d
    inner join changes as c on d.version = c.version and c.paths <> '[]'
    left join changes as a on d.accepted_version = a.version
    where a.paths is distinct from '[]'
    order by d.subsystem, d.is_read
  loop
    perform core.write_activity(
      p_workspace, p_created_by, 'inputs_changed',
      jsonb_build_object(
        'subsystem', v_dependency.subsystem, 'on_subsystem', p_subsystem, 'document', p_document,
        'seen_version', v_dependency.seen_version, 'new_version', p_version,
        'changed_paths', v_dependency.paths
      ),
      p_execution_id
    );
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

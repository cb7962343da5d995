-- Three-way merge of what two writers made of the same version: of documents, and of constraints.
--
-- - Objects are merged key by key, down to 100 levels, because each level takes some of the server's stack. All else is
--   merged as a whole: a list, a scalar, an object below that.
-- - What one writer changed is taken from that writer. What both changed in the same way is no conflict. What both
--   changed differently is refused: stale_version, with all that a client needs to redo the change.
-- - SQL null stands for an absent key; the null of JSON is a value.
-- - Numbers keep all of their digits, even if a client read them as doubles and sent them back.
-- - Each object is read once by jsonb_each: to fetch its keys one by one would read all of it for each key.
--
-- Pure functions, which lock nothing. The caller holds the row under which versions are given.

-- The JSON pointer (RFC 6901) of a key below another pointer; '' is the whole document.
create or replace function core.pointer(p_parent text, p_key text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_parent || '/' || replace(replace(p_key, '~', '~0'), '/', '~1');
end;
$$;

-- What differs between two documents, part by part, from the outermost level inwards.
create or replace function core.compare_documents(p_old jsonb, p_new jsonb)
returns setof public.document_change
language plpgsql
immutable
set search_path = ''
as $$
begin
  return query
  with recursive parts as (
    select '' as pointer, p_old as old_value, p_new as new_value, 0 as depth,
      jsonb_typeof(p_old) = 'object' and jsonb_typeof(p_new) = 'object' as is_divided
    where p_old is distinct from p_new
    union all
    select core.pointer(p.pointer, k.key), k.old_value, k.new_value, p.depth + 1,
      jsonb_typeof(k.old_value) = 'object' and jsonb_typeof(k.new_value) = 'object' and p.depth < 99
    from parts as p
    cross join lateral (
      select coalesce(o.key, n.key) as key, o.value as old_value, n.value as new_value
      from jsonb_each(case when p.is_divided then p.old_value end) as o
      full join jsonb_each(case when p.is_divided then p.new_value end) as n on o.key = n.key
      where o.value is distinct from n.value
    ) as k
  )
  select
    p.pointer,
    case when p.old_value is null then 'added' when p.new_value is null then 'removed' else 'changed' end,
    p.old_value, p.new_value
  from parts as p
  where p.is_divided is not true
  order by p.pointer collate "C";
end;
$$;

-- The pointers of what differs between two documents, as a list.
create or replace function core.changed_paths(p_old jsonb, p_new jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (select coalesce(jsonb_agg(c.path), '[]') from core.compare_documents(p_old, p_new) as c);
end;
$$;

-- The merged document, and the pointers of the parts in conflict, which are left as in p_theirs.
create or replace function core.merge_documents(
  p_base jsonb,
  p_theirs jsonb,
  p_yours jsonb,
  p_pointer text default '',
  p_depth integer default 0
)
returns core.document_merge
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_merge core.document_merge;
begin
  if p_theirs is not distinct from p_yours or p_yours is not distinct from p_base then
    return row(p_theirs, '{}'::text[])::core.document_merge;
  elsif p_theirs is not distinct from p_base then
    return row(p_yours, '{}'::text[])::core.document_merge;
  elsif p_depth >= 100
    or jsonb_typeof(p_theirs) is distinct from 'object'
    or jsonb_typeof(p_yours) is distinct from 'object'
    or jsonb_typeof(p_base) <> 'object'
  then
    return row(p_theirs, array[p_pointer])::core.document_merge;
  end if;
  with parts as materialized (
    select coalesce(t.key, y.key) as key, m.document, m.conflicts
    from jsonb_each(p_theirs) as t
    full join jsonb_each(p_yours) as y on t.key = y.key
    left join jsonb_each(p_base) as b on b.key = coalesce(t.key, y.key)
    cross join lateral core.merge_documents(
      b.value, t.value, y.value, core.pointer(p_pointer, coalesce(t.key, y.key)), p_depth + 1
    ) as m
  )
  select
    coalesce(jsonb_object_agg(p.key, p.document) filter (where p.document is not null), '{}'),
    array(select c.path from parts as q cross join lateral unnest(q.conflicts) as c (path) order by c.path collate "C")
  into v_merge
  from parts as p;
  return v_merge;
end;
$$;

-- p_yours, but with the number of p_base where a client only sent back the double that it had read: else that number
-- would count as changed. It is the same double, written with no more digits than it takes to tell doubles apart. The
-- digits are only counted, because of two that are as short Postgres and JavaScript may write different ones.
-- Elements of lists are compared by their place.
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
  elsif p_depth >= 100 or jsonb_typeof(p_base) is distinct from v_type then
    return p_yours;
  elsif v_type = 'number' then
    return case
      when p_base::double precision = p_yours::double precision
        and length(trim('0' from translate(p_yours::text, '-.', '')))
        <= length(trim('0' from translate(p_base::double precision::text::numeric::text, '-.', '')))
        then p_base
      else p_yours
    end;
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

-- Merges a document that was made from p_base_version with the latest version. A base_version after the latest is an
-- error (unknown_version). One that a restore has lost (p_base is null) is a conflict of the whole document. p_document
-- names the document in errors, e.g. {"document": "design", "subsystem": "skeleton"}.
create or replace function core.rebase_document(
  p_document jsonb,
  p_base_version integer,
  p_latest_version integer,
  p_base jsonb,
  p_theirs jsonb,
  p_yours jsonb
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_yours constant jsonb := core.keep_numbers(p_base, p_yours);
  v_merge core.document_merge := row(null::jsonb, array['']);
begin
  perform core.require_whole_number('base_version', to_jsonb(p_base_version), 0, 2147483647);
  if p_base_version > p_latest_version then
    perform core.fail(
      'unknown_version',
      p_document || jsonb_build_object('version', p_base_version, 'latest_version', p_latest_version),
      'Send as base_version the version that you read and changed, 0 where there was none.'
    );
  elsif p_base_version = p_latest_version then
    return v_yours;
  elsif p_base is not null then
    v_merge := core.merge_documents(p_base, p_theirs, v_yours);
  end if;
  if v_merge.conflicts <> '{}' then
    perform core.fail(
      'stale_version',
      p_document || jsonb_build_object(
        'expected', p_base_version, 'actual', p_latest_version,
        'base_version', p_base_version, 'latest_version', p_latest_version,
        'base', p_base, 'theirs', p_theirs, 'yours', v_yours, 'paths', to_jsonb(v_merge.conflicts)
      ),
      'Redo the change on `theirs`, the latest version, and write that with latest_version as base_version.'
    );
  end if;
  return v_merge.document;
end;
$$;

-- A migration of sharedstate. Made from sql/ by scripts/build_migration.py: edit sql/ and run it again.

-- sql/00_schemas.sql
-- sharedstate: all of its objects live in two schemas. `public` is the API, `core` is the rest.
--
-- Lock order, the same in every function, so that no two of them can deadlock:
--    1. request id (advisory)
--    2. allocations (advisory, core.lock_shared_budget)
--    3. the workspace's row, under which versions of the constraints are given
--    4. resource by resource, by type and name: its fencing counter (advisory, then the row), then its lease
--    5. tickets, the newest first
--    6. subsystem rows, by name
--    7. budget reservations
--    8. conflict counter
--    9. conflict rows
--   10. publications (core.lock_publications), by place
--   11. dependencies, by subsystem, document and the subsystem that is depended on
-- A function takes only some of them, and never an earlier one after a later one. Nobody waits for new rows of the
-- activity log and of requests, so these may be written at any time. There are three exceptions:
-- - Who holds the workspace's row may lock further subsystem rows out of their order: all who lock several hold it.
-- - resolve_conflict moves budget, and so locks reservations, after it has locked the conflict. It holds the rows of
--   both subsystems by then. Who locks reservations without such a row (release_budget,
--   release_execution) waits for nothing after that.
-- - When a lease ends, core.hand_over locks counters, other leases and tickets after it. It skips what it would have to
--   wait for.
--
-- Budgets: a status locks its subsystem's row first, and reads the constraints after that. A change of budgets locks
-- the workspace's row, then the rows of all subsystems whose budget changes. Under READ COMMITTED each statement sees
-- what was committed before it. So the later of the two sees what the earlier one did. A subsystem that does not
-- exist yet has no row to lock: see core.lock_absent_subsystem. A status that changes how much is used of the shared
-- budget locks the workspace's row too: see core.lock_shared_budget.

-- core contains all that callers may not use: helper functions, bookkeeping tables, and the security-definer half of
-- each RPC. PostgREST exposes `public` alone.
create schema core;
comment on schema core is 'Private half of sharedstate: never exposed by PostgREST.';
revoke all on schema core from public;

-- Nothing is callable unless 90_grants.sql says so. Revoking from PUBLIC works only in this global
-- form; Supabase's images also grant every new object in `public` to the API roles by default.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;

-- sql/05_validation/fail.sql
-- The one place that raises. The message is the bare slug because PostgREST copies it unescaped into
-- the HTTP status line; data travels in DETAIL as a JSON object, what to do next in HINT.
-- PTxyz makes PostgREST answer with HTTP status xyz.
create or replace function core.fail(p_slug text, p_detail jsonb, p_hint text default null)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_sqlstate constant text := case p_slug
    when 'invalid_argument' then 'PT400'
    when 'agent_mismatch' then 'PT403'
    when 'unknown_workspace' then 'PT404'
    when 'unknown_conflict' then 'PT404'
    when 'unknown_version' then 'PT404'
    when 'request_id_reused' then 'PT409'
    when 'lease_lost' then 'PT409'
    when 'deadlock' then 'PT409'
    when 'stale_version' then 'PT409'
    when 'over_budget' then 'PT409'
    when 'reservation_lost' then 'PT409'
    when 'stale_inputs' then 'PT409'
    when 'conflict_already_resolved' then 'PT409'
    when 'conflict_not_resolved' then 'PT409'
    when 'conflict_duplicate' then 'PT409'
    when 'log_restored' then 'PT409'
    when 'export_too_large' then 'PT413'
    when 'resource_locked' then 'PT423'
  end;
begin
  raise exception using
    errcode = v_sqlstate,
    message = p_slug,
    detail = coalesce(p_detail, '{}')::text,
    hint = coalesce(p_hint, '');
end;
$$;

comment on function core.fail(text, jsonb, text) is
'Raises one of the documented errors; an unknown slug is itself an error.';

-- sql/05_validation/names.sql
-- Names of workspaces, subsystems, agents, resources and executions: one rule for all of them.
--
-- Agents invent names in their own language. So a name is refused only if part of it cannot be seen, or if it looks
-- like another name. NFC is required because Unicode can write one letter in two ways: two agents would lock two
-- resources. No table checks names. Each function that takes one checks it before it writes, and names the argument in
-- the error. Reads no table and takes no lock.

create or replace function core.require_name(p_argument text, p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_reason constant text := case
    when p_name is null then 'is missing'
    when p_name = '' then 'is empty'
    when length(p_name) > 128 then 'has more than 128 characters'
    when p_name ~ '[\u0001-\u001F\u007F-\u009F]' then 'has a control character'
    when left(p_name, 1) = ' ' or right(p_name, 1) = ' ' then 'begins or ends with a space'
    -- ASCII, which has one byte a character, is always in NFC.
    when octet_length(p_name) > length(p_name) and p_name is not nfc normalized then 'is not in Unicode NFC'
  end;
begin
  if v_reason is not null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', v_reason, 'value', left(p_name, 200)),
      'A name has 1 to 128 characters in Unicode NFC, none a control character, and no space at its beginning or end.'
    );
  end if;
  return true;
end;
$$;

create or replace function core.require_optional_name(p_argument text, p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_name is null or core.require_name(p_argument, p_name);
end;
$$;

create or replace function core.require_names(p_argument text, p_names text[])
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_name text;
begin
  if array_ndims(p_names) > 1 or cardinality(p_names) > 1000 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is no flat list of up to 1000 names'),
      'Send a list of names.'
    );
  end if;
  foreach v_name in array coalesce(p_names, '{}') loop
    perform core.require_name(p_argument, v_name);
  end loop;
  return true;
end;
$$;

-- sql/05_validation/objects.sql
-- JSON objects: details, documents, and patches of a row.
--
-- Agents in every language read what is stored. So two things are refused that common JSON parsers cannot read:
-- - a number that no double can hold. Some parsers fail; others print all digits (1e131071 becomes 128 kB).
-- - nesting that is deeper than the recursion of a parser may go.
-- Reads no table and takes no lock.

create or replace function core.require_object(p_argument text, p_document jsonb, p_levels integer default 200)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_reason text;
begin
  if jsonb_typeof(p_document) is distinct from 'object' then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', p_argument,
        'reason', format('is %s, not a JSON object', coalesce('a JSON ' || jsonb_typeof(p_document), 'missing'))
      ),
      'Send an object such as {"key": "value"}.'
    );
  elsif jsonb_path_exists(p_document, format('strict $.**{%s}', p_levels + 1)::jsonpath) then
    v_reason := format('is nested more than %s levels deep', p_levels);
  elsif jsonb_path_exists(
    p_document,
    'strict $.** ? (@.type() == "number" && (@ > 1e308 || @ < -1e308 || (@ > -1e-307 && @ < 1e-307 && @ != 0)))'
  ) then
    v_reason := 'has a number that is no double: beyond 1e308, or nearer to 0 than 1e-307';
  end if;
  return v_reason is null or core.fail(
    'invalid_argument',
    jsonb_build_object('argument', p_argument, 'reason', v_reason),
    'Send such a number as text, and a deep structure flat.'
  );
end;
$$;

-- Checks an object whose unknown keys go to metadata. metadata itself is checked apart: what was once accepted as an
-- unknown key is one level deeper there, and must still be accepted when the row is sent back or imported.
create or replace function core.require_patch(p_argument text, p_patch jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if jsonb_typeof(p_patch) = 'object' and p_patch ? 'metadata' then
    perform core.require_object(p_argument || '.metadata', p_patch -> 'metadata');
    p_patch := p_patch - 'metadata';
  end if;
  return core.require_object(p_argument, p_patch);
end;
$$;

-- RFC 7396 at the top level: a null removes its key, any other value replaces it.
create or replace function core.merge_patch(p_document jsonb, p_patch jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (p_document || p_patch) - array(select e.key from jsonb_each(p_patch) as e where e.value = 'null');
end;
$$;

-- sql/05_validation/texts.sql
-- Labels (states and activities, which agents invent) and texts (descriptions and reasons, which people read).
--
-- Both are shown in terminals, where an escape sequence could clear or forge output. So control characters are refused.
-- A label or text without any visible character is refused too.
-- Reads no table and takes no lock.

-- True if there is a character other than those listed. The list has code points, because the classes of regular
-- expressions depend on the locale. It has spaces, and characters that no font shows: joiners, direction marks,
-- fillers, variation selectors, tags, the byte order mark.
create or replace function core.is_visible(p_text text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(
    p_text ~ (
      '[^\u0001-\u0020\u007F-\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F'
      || '\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\U000E0000-\U000E0FFF]'
    ),
    false
  );
end;
$$;

comment on function core.is_visible(text) is
'True for a text in which there is something to see.';

create or replace function core.require_label(p_argument text, p_label text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(
    length(p_label) between 1 and 200 and p_label !~ '[\u0001-\u001F\u007F-\u009F]' and core.is_visible(p_label),
    false
  ) or core.fail(
    'invalid_argument',
    jsonb_build_object(
      'argument', p_argument,
      'reason', case when p_label is null then 'is missing' else 'is not a valid label' end,
      'value', left(p_label, 200)
    ),
    'Use 1 to 200 characters without control characters, and not only spaces.'
  );
end;
$$;

-- A carriage return is accepted in a line break of Windows. Alone it would let a terminal write over the line.
create or replace function core.require_text(p_argument text, p_text text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_reason constant text := case
    when not core.is_visible(p_text) then 'is missing or empty'
    when length(p_text) > 10000 then 'is too long'
    when p_text ~ '[\u0001-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]|\r(?!\n)' then 'holds a control character'
  end;
begin
  return v_reason is null or core.fail(
    'invalid_argument',
    jsonb_build_object('argument', p_argument, 'reason', v_reason),
    'Use 1 to 10000 characters, not only spaces; of control characters only line breaks and tabs.'
  );
end;
$$;

-- sql/05_validation/values.sql
-- Numbers, times, and arguments that must not be null.
--
-- A number that was sent is jsonb until it is known to be a JSON number: a cast would accept the string "NaN".
-- An amount is a mass (kg), a cost (USD) or a power (W): at least 0, less than 1e12, rounded to six decimals. Rounded,
-- because programs that compute with doubles send 0.30000000000000004 for 0.3, and that would exceed a budget of 0.3.
-- Reads no table and takes no lock.

-- For arguments of other types, which have no check that refuses null: in JSON each of them may be null.
create or replace function core.require_present(p_argument text, p_value jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_value is not null or core.fail(
    'invalid_argument',
    jsonb_build_object('argument', p_argument, 'reason', 'is missing'),
    'Send a value instead of null, or leave the argument out if it has a default.'
  );
end;
$$;

create or replace function core.require_past(p_argument text, p_time timestamptz)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(p_time <= clock_timestamp(), false) or core.fail(
    'invalid_argument',
    jsonb_build_object(
      'argument', p_argument,
      'reason', case when p_time is null then 'is missing' else 'lies in the future' end,
      'value', p_time
    ),
    'Use a time that is over, with its zone.'
  );
end;
$$;

create or replace function core.require_whole_number(
  p_argument text,
  p_value jsonb,
  p_least bigint,
  p_most bigint
)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_number constant numeric := case when jsonb_typeof(p_value) = 'number' then p_value::numeric end;
begin
  if (v_number between p_least and p_most and v_number = trunc(v_number)) is not true then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is out of range', 'value', left(p_value::text, 200)),
      format('Use a whole number from %s to %s.', p_least, p_most)
    );
  end if;
  return true;
end;
$$;

create or replace function core.round_amount(p_amount numeric)
returns numeric
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case when scale(p_amount) > 6 then trim_scale(round(p_amount, 6)) else p_amount end;
end;
$$;

-- Both must be an amount: what was sent, and what it is rounded to.
create or replace function core.require_amount(p_argument text, p_value jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_amount constant numeric := case when jsonb_typeof(p_value) = 'number' then p_value::numeric end;
begin
  return coalesce(v_amount >= 0 and round(v_amount, 6) < 1000000000000, false) or core.fail(
    'invalid_argument',
    jsonb_build_object('argument', p_argument, 'reason', 'is not an amount', 'value', left(p_value::text, 200)),
    'Use a JSON number of at least 0 and less than 1e12.'
  );
end;
$$;

-- sql/10_access/tables.sql
create table core.workspaces (
  name text primary key,
  created_at timestamptz not null default clock_timestamp(),
  -- The first version of the constraints is the next one: 1, or after a restore one that was never given before.
  last_lost_version integer not null default 0
);
comment on table core.workspaces is 'The known workspaces: one isolated design each. Made by init_workspace.';
alter table core.workspaces enable row level security;

insert into core.workspaces (name) values ('default');

-- No foreign key to core.workspaces here or in other busy tables: it would share-lock the one
-- workspace row on every insert. current_workspace() has checked the name already.
create table core.requests (
  workspace text not null,
  request_id uuid not null,
  function_name text not null,
  -- null: cancel_lock_request came before the call itself. That is then answered, whatever its arguments are.
  arguments_hash bigint,
  answer jsonb,
  created_at timestamptz not null default clock_timestamp(),
  primary key (workspace, request_id)
);
comment on table core.requests is
'First answers by request id, kept for 24 hours, so that a repeated call changes nothing twice.';
create index requests_created_at_idx on core.requests (created_at);
alter table core.requests enable row level security;

-- What a mutating function carries from recall_request to remember_request.
create type core.request as (
  workspace text,
  request_id uuid,
  function_name text,
  arguments_hash bigint,
  is_replay boolean,
  answer jsonb
);

-- sql/10_access/agents.sql
-- Who calls, and what that agent works on.
--
-- A token with the claim `agent` may act for that agent alone. Without the claim the caller says who it is. Names of
-- agents are not secret: two callers without a claim that give the same name are one agent to the database.
-- Reads no table and takes no lock.

create or replace function core.claimed_agent()
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'agent';
end;
$$;

comment on function core.claimed_agent() is
'The agent name that the token pins, or null where it pins none.';

create or replace function core.require_agent(p_argument text, p_agent_name text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  perform core.require_name(p_argument, p_agent_name);
  if v_claims ? 'agent' and p_agent_name is distinct from v_claims ->> 'agent' then
    perform core.fail(
      'agent_mismatch',
      jsonb_build_object('agent_name', p_agent_name, 'token_agent', v_claims ->> 'agent'),
      'Use the name in the token, or a token for this agent.'
    );
  end if;
  return true;
end;
$$;

-- skeleton, skeleton_agent and skeleton_designer all work on subsystem skeleton. The name _agent stays as it is.
create or replace function core.agent_subsystem(p_agent_name text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return regexp_replace(p_agent_name, '(.)_(agent|designer)$', '\1');
end;
$$;

-- sql/10_access/requests.sql
-- Idempotency: a call that is repeated with the same request_id gets the first answer and changes nothing.
--
-- Every mutation begins with recall_request and ends with remember_request. Both are in the transaction of the
-- mutation, so a change and its answer are committed together. An advisory lock on the id, first in the lock order, is
-- kept until commit: of two calls with one id that run at the same time, the second waits for the first.
-- The same id with other arguments is an error. Answers are kept for 24 hours. A call without an id is not remembered.

create or replace function core.recall_request(
  p_workspace text,
  p_request_id uuid,
  p_function_name text,
  p_arguments jsonb
)
returns core.request
language plpgsql
set search_path = ''
as $$
declare
  v_hash bigint;
  v_known core.requests;
begin
  if p_request_id is null then
    return row(p_workspace, null, p_function_name, null, false, null)::core.request;
  end if;
  v_hash := hashtextextended(p_arguments::text, 0);
  -- As core.lock_request, but without the cost of calling it. A statement of its own, so that the next one sees what
  -- the call that held the lock has committed.
  perform pg_advisory_xact_lock(hashtextextended(p_workspace || '/' || p_request_id, 0));
  select * into v_known from core.requests as r
  where r.workspace = p_workspace and r.request_id = p_request_id;
  if v_known.function_name <> p_function_name or v_known.arguments_hash <> v_hash then
    perform core.fail(
      'request_id_reused',
      jsonb_build_object('request_id', p_request_id, 'first_used_by', v_known.function_name),
      'Make a new request_id for every new call; repeat one only with the same arguments.'
    );
  end if;
  return row(
    p_workspace, p_request_id, p_function_name, v_hash, v_known.request_id is not null, v_known.answer
  )::core.request;
end;
$$;

-- One call in a hundred also deletes what is older than a day. So the table stays as small as a day's work, without a
-- scheduler.
create or replace function core.remember_request(p_request core.request, p_answer jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if p_request.request_id is null then
    return false;
  end if;
  insert into core.requests (workspace, request_id, function_name, arguments_hash, answer)
  values (p_request.workspace, p_request.request_id, p_request.function_name, p_request.arguments_hash, p_answer);
  if random() < 0.01 then
    perform core.forget_old_requests();
  end if;
  return true;
end;
$$;

-- Locks a request id until commit, without looking for its answer.
create or replace function core.lock_request(p_workspace text, p_request_id uuid)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(p_workspace || '/' || p_request_id, 0));
  return true;
end;
$$;

-- Deletes the oldest few hundred answers, and skips those that another call is deleting. Also deletes tickets whose
-- clients died a day ago; core.enqueue has deleted those that were in the way of somebody.
create or replace function core.forget_old_requests()
returns integer
language plpgsql
set search_path = ''
as $$
declare
  -- Read once: clock_timestamp() is volatile, so a comparison with it could not use the index.
  v_before constant timestamptz := clock_timestamp() - interval '24 hours';
  v_count integer;
begin
  -- Materialized, because a join may run a subquery more than once, and each run would find other rows.
  with old as materialized (
    select o.workspace, o.request_id from core.requests as o
    where o.created_at < v_before
    order by o.created_at
    limit 500
    for update skip locked
  )
  delete from core.requests as r
  using old
  where r.workspace = old.workspace and r.request_id = old.request_id;
  get diagnostics v_count = row_count;
  with dead as materialized (
    select d.ticket_id from core.lock_tickets as d
    where d.alive_until < v_before
    limit 500
    for update skip locked
  )
  delete from core.lock_tickets as t
  using dead
  where t.ticket_id = dead.ticket_id;
  return v_count;
end;
$$;

-- sql/10_access/retry_ms.sql
-- When to ask again: after a tenth of the time that the wait has lasted. So a waiter learns of the end late by a
-- twentieth of its wait on average, and asks often only while the wait is short.
create or replace function core.retry_ms(p_waited interval, p_least_ms integer, p_most_ms integer)
returns integer
language plpgsql
immutable
set search_path = ''
as $$
begin
  return least(p_most_ms, greatest(p_least_ms, extract(epoch from p_waited) * 1000 / 10))::integer;
end;
$$;

-- sql/10_access/workspaces.sql
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

-- sql/20_subsystems/tables.sql
-- Functions check names and states: core.require_status, and the import. The upper bounds also refuse NaN.
create table public.subsystems (
  workspace text not null references core.workspaces (name),
  name text not null,
  state text not null default 'not_started',
  current_mass_kg numeric not null default 0 check (current_mass_kg >= 0 and current_mass_kg < 1e12),
  current_cost_usd numeric not null default 0 check (current_cost_usd >= 0 and current_cost_usd < 1e12),
  current_power_w numeric not null default 0 check (current_power_w >= 0 and current_power_w < 1e12),
  within_budget boolean,
  iteration integer not null default 0 check (iteration >= 0),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  version bigint not null default 1 check (version >= 1),
  last_execution_id text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (workspace, name)
);

comment on table public.subsystems is
'Status of each subsystem. Written by update_subsystem_status and checkin_subsystem.';
comment on column public.subsystems.workspace is 'The design that this row belongs to.';
comment on column public.subsystems.state is 'not_started, designing, complete, ... Agents may invent states.';
comment on column public.subsystems.current_mass_kg is 'Mass of the present design, in kg.';
comment on column public.subsystems.current_cost_usd is 'Cost of the present design, in USD.';
comment on column public.subsystems.current_power_w is 'Electrical power of the present design, in W.';
comment on column public.subsystems.within_budget is
'Whether the design keeps to its budget, as the database finds; null while nothing limits it, or nobody has written.';
comment on column public.subsystems.iteration is 'How often the subsystem was redesigned.';
comment on column public.subsystems.metadata is 'Every key of a status that is no column.';
comment on column public.subsystems.version is
'Grows by one with each write; send it back to write only if nobody else did.';
comment on column public.subsystems.last_execution_id is 'The execution that wrote last.';

alter table public.subsystems enable row level security;
create policy subsystems_of_own_workspace on public.subsystems
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- sql/20_subsystems/rows.sql
-- The rows of subsystems, and how they are locked
--
-- A write of a subsystem's status, documents or budget locks its row until commit. So versions are given one after the
-- other, and each writer sees what the one before it did.
--
-- Invariants:
-- - Several rows are locked in the order of their names.
-- - A subsystem that does not exist yet has no row to lock. A writer that is about to make it shares the workspace's
--   row instead (core.lock_absent_subsystem). That keeps changes of limits and budgets, and uses of the shared budget,
--   away.
--
-- Lock order: core.lock_absent_subsystem comes before fencing counters and leases. Subsystem rows come after these, and
-- before budget reservations, conflicts and publications.

-- If the subsystem does not exist yet, shares the workspace's row until commit, in place of its own. True if so.
create or replace function core.lock_absent_subsystem(p_workspace text, p_subsystem text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform from public.subsystems as s where s.workspace = p_workspace and s.name = p_subsystem;
  if found then
    return false;
  end if;
  perform from core.workspaces as w where w.name = p_workspace for share;
  return true;
end;
$$;

-- Locks the row of a subsystem, which is made if it is unknown. `no key update`, because checks of foreign keys need
-- not wait.
create or replace function core.lock_subsystem(p_workspace text, p_subsystem text)
returns public.subsystems
language plpgsql
set search_path = ''
as $$
declare
  v_row public.subsystems;
begin
  select * into v_row from public.subsystems as s
  where s.workspace = p_workspace and s.name = p_subsystem
  for no key update;
  if found then
    return v_row;
  end if;
  insert into public.subsystems (workspace, name) values (p_workspace, p_subsystem)
  on conflict do nothing;
  select * into v_row from public.subsystems as s
  where s.workspace = p_workspace and s.name = p_subsystem
  for no key update;
  return v_row;
end;
$$;

-- Locks the rows of those of these subsystems that exist.
create or replace function core.lock_subsystems(p_workspace text, p_names text[])
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform from public.subsystems as s
  where s.workspace = p_workspace and s.name = any(p_names)
  order by s.name
  for no key update;
  return found;
end;
$$;

-- sql/20_subsystems/status.sql
-- A status: how it is checked, and written into its subsystem's row
--
-- update_subsystem_status and checkin_subsystem write statuses, both in these steps: core.require_status checks the
-- argument, core.lock_shared_budget locks what is shared, core.guard_write checks the lease, core.write_status writes.
--
-- Invariants:
-- - A status is merged: an absent key keeps its value, an unknown key goes to metadata. Keys that the database sets
--   itself are ignored, so a row that was read may be sent back as it is.
-- - The version grows by one with each write.
-- - The database decides within_budget (50_budgets/verdicts.sql), whatever was sent.
--
-- Lock order: the subsystem's row; then what core.judge_status takes.

-- Checks the keys that are columns, and the object as a whole. Other keys are metadata.
create or replace function core.require_status(p_subsystem text, p_status jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_key text;
begin
  perform core.require_patch('status', p_status);
  if p_status ? 'name' and p_status ->> 'name' is distinct from p_subsystem then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'status.name', 'reason', 'names another subsystem', 'value', p_status -> 'name'),
      'Leave name out, or write to the subsystem that it names.'
    );
  end if;
  foreach v_key in array array['current_mass_kg', 'current_cost_usd', 'current_power_w'] loop
    if p_status ? v_key then
      perform core.require_amount('status.' || v_key, p_status -> v_key);
    end if;
  end loop;
  if p_status ? 'state' then
    perform core.require_label('status.state', case
      when jsonb_typeof(p_status -> 'state') = 'string' then p_status ->> 'state'
    end);
  end if;
  if p_status ? 'iteration' then
    perform core.require_whole_number('status.iteration', p_status -> 'iteration', 0, 2147483647);
  end if;
  if jsonb_typeof(p_status -> 'version') <> 'null' then
    perform core.require_whole_number('status.version', p_status -> 'version', 0, 9007199254740991);
  end if;
  if p_status ? 'within_budget' and jsonb_typeof(p_status -> 'within_budget') not in ('boolean', 'null') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'status.within_budget', 'reason', 'is neither true, false nor null'),
      'Send true or false.'
    );
  end if;
  return true;
end;
$$;

-- Merges a checked status into the row, which it returns. A status over its budget opens a conflict; with p_strict it
-- is refused.
create or replace function core.write_status(
  p_workspace text,
  p_subsystem text,
  p_status jsonb,
  p_execution_id text,
  p_strict boolean
)
returns public.subsystems
language plpgsql
set search_path = ''
as $$
declare
  v_columns constant text[] := array[
    'state', 'current_mass_kg', 'current_cost_usd', 'current_power_w', 'iteration'
  ];
  v_owned constant text[] := array[
    'workspace', 'name', 'metadata', 'within_budget', 'version', 'last_execution_id', 'created_at', 'updated_at'
  ];
  v_old constant public.subsystems := core.lock_subsystem(p_workspace, p_subsystem);
  v_new public.subsystems := v_old;
  v_patch constant jsonb := coalesce(p_status -> 'metadata', '{}') || (p_status - v_columns - v_owned);
  v_is_as_before boolean;
begin
  if jsonb_typeof(p_status -> 'version') <> 'null' and p_status -> 'version' <> to_jsonb(v_old.version) then
    perform core.fail(
      'stale_version',
      jsonb_build_object('subsystem', p_subsystem, 'expected', p_status -> 'version', 'actual', v_old.version),
      'Read the status again, redo the change on it and write that.'
    );
  end if;
  v_new.state := coalesce(p_status ->> 'state', v_old.state);
  -- Through numeric, because JSON may write 2 as 2.0, which integer does not read.
  v_new.iteration := coalesce((p_status ->> 'iteration')::numeric::integer, v_old.iteration);
  -- An amount that is sent back unchanged is not rounded: an import may have brought more than six decimals.
  v_new.current_mass_kg := coalesce(core.round_amount(
    nullif((p_status ->> 'current_mass_kg')::numeric, v_old.current_mass_kg)
  ), v_old.current_mass_kg);
  v_new.current_cost_usd := coalesce(core.round_amount(
    nullif((p_status ->> 'current_cost_usd')::numeric, v_old.current_cost_usd)
  ), v_old.current_cost_usd);
  v_new.current_power_w := coalesce(core.round_amount(
    nullif((p_status ->> 'current_power_w')::numeric, v_old.current_power_w)
  ), v_old.current_power_w);
  if v_patch <> '{}' then
    v_new.metadata := core.merge_patch(v_old.metadata, v_patch);
  end if;
  -- Within its budget before and the amounts unchanged: still within it. A change of budgets judges anew by itself.
  v_is_as_before := not p_strict and coalesce(v_old.within_budget, false) and (
    v_new.current_mass_kg, v_new.current_cost_usd, v_new.current_power_w
  ) = (v_old.current_mass_kg, v_old.current_cost_usd, v_old.current_power_w);
  update public.subsystems as s
  set
    state = v_new.state,
    current_mass_kg = v_new.current_mass_kg,
    current_cost_usd = v_new.current_cost_usd,
    current_power_w = v_new.current_power_w,
    iteration = v_new.iteration,
    metadata = v_new.metadata,
    version = s.version + 1,
    last_execution_id = p_execution_id,
    updated_at = clock_timestamp()
  where s.workspace = p_workspace and s.name = p_subsystem
  returning s.* into v_new;
  if v_is_as_before then
    return v_new;
  end if;
  return core.judge_status(v_old, v_new, p_status, p_execution_id, p_strict);
end;
$$;

-- What the log says of a write. The amounts only if they were sent: so the log has what a design used over time.
create or replace function core.status_details(p_status jsonb, p_row public.subsystems)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return jsonb_build_object('subsystem', p_row.name, 'state', p_row.state, 'version', p_row.version) || case
    when p_status ?| array['current_mass_kg', 'current_cost_usd', 'current_power_w'] then jsonb_build_object(
      'current_mass_kg', p_row.current_mass_kg, 'current_cost_usd', p_row.current_cost_usd,
      'current_power_w', p_row.current_power_w
    )
    else '{}'
  end;
end;
$$;

-- sql/20_subsystems/update_subsystem_status.sql
create or replace function core.update_subsystem_status(
  p_subsystem text,
  p_status jsonb,
  p_execution_id text,
  p_fencing_token bigint,
  p_strict boolean,
  p_request_id uuid
)
returns public.subsystems
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_agent text;
  v_row public.subsystems;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_name('execution_id', p_execution_id);
  perform core.require_status(p_subsystem, p_status);
  perform core.require_present('strict', to_jsonb(p_strict));
  v_request := core.recall_request(
    v_workspace, p_request_id, 'update_subsystem_status',
    jsonb_build_array(p_subsystem, p_status, p_execution_id, p_fencing_token, p_strict)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.subsystems, v_request.answer);
  end if;
  perform core.lock_shared_budget(v_workspace, p_subsystem, p_status);
  v_agent := core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token);
  v_row := core.write_status(v_workspace, p_subsystem, p_status, p_execution_id, p_strict);
  perform core.write_activity(
    v_workspace, v_agent, 'status_updated', core.status_details(p_status, v_row), p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.update_subsystem_status(
  subsystem text,
  status jsonb,
  execution_id text,
  fencing_token bigint default null,
  strict boolean default false,
  request_id uuid default null
)
returns public.subsystems
language sql
set search_path = ''
as $$
  select core.update_subsystem_status(subsystem, status, execution_id, fencing_token, strict, request_id);
$$;

comment on function public.update_subsystem_status(text, jsonb, text, bigint, boolean, uuid) is
'Merges a status into a subsystem, which is made if unknown, and returns the row.

Absent keys keep their value, unknown keys go to metadata (null removes them). A `version` makes it a compare-and-set:
stale_version if somebody wrote since. resource_locked while another execution holds the lease; with a fencing_token,
lease_lost unless that lease is still alive.

The database finds out within_budget by itself. A status over budget opens one conflict to system_architect, which
follows the overrun and is resolved when that has ended; with strict it is refused instead: over_budget. What is not
allocated to a subsystem is limited by what the totals leave unallocated, for all such subsystems together. Amounts
are rounded to six decimals.';

-- sql/30_locks/tables.sql
create table public.agent_locks (
  workspace text not null,
  resource_type text not null,
  resource_name text not null,
  locked_by text not null,
  execution_id text not null,
  locked_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  ttl_seconds integer not null check (ttl_seconds between 1 and 86400),
  fencing_token bigint not null check (fencing_token >= 1),
  request_id uuid,
  provisional boolean not null default false,
  primary key (workspace, resource_type, resource_name)
);

comment on table public.agent_locks is
'Leases. One whose expires_at has passed is free to take, whether its row is still here or not. Deleting a row by hand
frees the resource.';
comment on column public.agent_locks.workspace is 'The design that this row belongs to.';
comment on column public.agent_locks.locked_by is 'The agent that holds the lease.';
comment on column public.agent_locks.execution_id is 'The run of that agent.';
comment on column public.agent_locks.expires_at is 'When the lease lapses, by the database''s clock, unless renewed.';
comment on column public.agent_locks.ttl_seconds is 'The time to live that was asked for last.';
comment on column public.agent_locks.fencing_token is 'Greater than that of every earlier lease of this resource.';
comment on column public.agent_locks.request_id is 'The acquire call that was granted: the identity of the lease.';

comment on column public.agent_locks.provisional is
'Granted to a request with wait_seconds that has not confirmed it yet, by renew_lock; it lapses within seconds.';

-- A waiter looks for the leases of its request.
create index agent_locks_request_id_idx on public.agent_locks (workspace, request_id);
-- The search for a deadlock looks for the leases of an agent in an execution.
create index agent_locks_execution_id_idx on public.agent_locks (workspace, execution_id);

alter table public.agent_locks enable row level security;
create policy agent_locks_of_own_workspace on public.agent_locks
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- Its rows outlive the leases, so tokens grow even after a lease was deleted by hand. See fencing_counters.sql.
create table core.fencing_counters (
  workspace text not null,
  resource_type text not null,
  resource_name text not null,
  last_token bigint not null default 0,
  last_granted_at timestamptz,
  -- How long the last turns were (from one grant to the next, while somebody waits), smoothed.
  turn_ms double precision,
  primary key (workspace, resource_type, resource_name)
);
comment on table core.fencing_counters is
'The last fencing token of every resource that was ever locked, and how long its turns last.';
alter table core.fencing_counters enable row level security;

create type core.resource as (resource_type text, resource_name text);

-- The queue. These tables grow and shrink within seconds, so the planner's statistics of them are often wrong. The
-- queries therefore leave it no choice. They look up the ticket of each entry in a line by a lateral subquery, which
-- `offset 0` keeps from being merged into the query. And their functions switch sequential scans off.
--
-- A ticket waits for one resource or for several, and is granted all of them together. It is deleted when it is
-- granted, cancelled, or when its client has been silent for long.
create table core.lock_tickets (
  ticket_id bigint generated always as identity primary key,
  workspace text not null,
  request_id uuid not null,
  arguments_hash bigint not null,
  agent_name text not null,
  execution_id text not null,
  ttl_seconds integer not null,
  priority integer not null,
  -- The place in line: the time of arrival, 30 s earlier for each step of priority. It never changes, so priorities
  -- age: a request with priority 1 cannot overtake one with priority 4 that came 90 s before it.
  queue_key timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  -- From then on it is skipped, unless its client has asked again: see core.keep_in_line.
  alive_until timestamptz not null default clock_timestamp() + interval '5 seconds',
  gives_up_at timestamptz not null,
  -- Set if this wait was refused to end a deadlock: the cycle, for the error of the client's next call.
  refused jsonb,
  unique (workspace, request_id)
);
comment on table core.lock_tickets is 'Who waits for locks, in line by queue_key and ticket_id.';
create index lock_tickets_execution_id_idx on core.lock_tickets (workspace, execution_id);
alter table core.lock_tickets enable row level security;
create policy lock_tickets_of_own_workspace on core.lock_tickets
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- Tickets that count. One whose client has not asked for too long (core.keep_in_line) is skipped; if it asks again
-- before the ticket is deleted, it still has its place.
create view core.live_lock_tickets
with (security_invoker = true) as
select t.* from core.lock_tickets as t -- noqa: AM04
where t.alive_until > clock_timestamp() and t.gives_up_at > clock_timestamp() and t.refused is null;

create table core.lock_ticket_resources (
  workspace text not null,
  resource_type text not null,
  resource_name text not null,
  queue_key timestamptz not null,
  ticket_id bigint not null references core.lock_tickets (ticket_id) on delete cascade,
  primary key (workspace, resource_type, resource_name, queue_key, ticket_id)
);
comment on table core.lock_ticket_resources is 'What each ticket waits for; its key is the line of a resource.';
create index lock_ticket_resources_ticket_id_idx on core.lock_ticket_resources (ticket_id);
alter table core.lock_ticket_resources enable row level security;
create policy lock_ticket_resources_of_own_workspace on core.lock_ticket_resources
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

create type public.lock_wait as (
  state text,
  leases public.agent_locks [],
  position integer,
  retry_ms integer,
  waiting_for text []
);
comment on type public.lock_wait is
'Answer of wait_for_lock. state: granted (leases are yours), waiting (ask again after retry_ms) or gone (no such
request waits, or one of its leases has ended). waiting_for: agents.';

-- sql/30_locks/acquire_lock.sql
create or replace function core.acquire_lock(
  p_resource_type text,
  p_resource_name text,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_wait_seconds numeric,
  p_priority integer,
  p_request_id uuid
)
returns setof public.agent_locks
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform core.require_name('resource_type', p_resource_type), core.require_name('resource_name', p_resource_name);
  return query select * from unnest(core.take_leases(
    array[row(p_resource_type, p_resource_name)::core.resource], p_agent_name, p_execution_id, p_ttl_seconds,
    p_wait_seconds, p_priority, p_request_id
  ));
end;
$$;

create or replace function public.acquire_lock(
  resource_type text,
  resource_name text,
  agent_name text,
  execution_id text,
  ttl_seconds integer default 300,
  wait_seconds numeric default 0,
  priority integer default 3,
  request_id uuid default null
)
returns setof public.agent_locks
language sql
rows 1
set search_path = ''
as $$
  select core.acquire_lock(
    resource_type, resource_name, agent_name, execution_id, ttl_seconds, wait_seconds, priority, request_id
  );
$$;

comment on function public.acquire_lock(text, text, text, text, integer, numeric, integer, uuid) is
'Takes the lease of a resource: its row if granted, an empty list if somebody holds it, or is writing it and
not done within a second.

A lease lasts ttl_seconds (1 to 86400) by the database''s clock unless renewed; an expired one is free to take at
once. Not reentrant: the holder is refused as well. Send the fencing_token with every write that the lease protects.

With wait_seconds (and a request_id) an empty list means: in line, in order of arrival, priority 1 to 4 first. Call
wait_for_lock with that request_id until it answers granted, or cancel_lock_request. Whoever is ready to wait is given
a lease for 10 s at most, at once or later; confirm it by renew_lock to keep it for ttl_seconds.
deadlock if the wait would close a cycle of agents that wait for each other.';

-- sql/30_locks/acquire_locks.sql
-- The resources of a JSON list: checked, each once, in the order in which they are locked.
create or replace function core.require_resources(p_resources jsonb)
returns core.resource[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_resource jsonb;
begin
  if jsonb_typeof(p_resources) is distinct from 'array' or jsonb_array_length(p_resources) not between 1 and 100 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'resources', 'reason', 'is no list of 1 to 100 resources'),
      'Send a list such as [{"resource_type": "subsystem", "resource_name": "skeleton"}].'
    );
  end if;
  for v_resource in select e.value from jsonb_array_elements(p_resources) as e loop
    perform core.require_object('resources', v_resource);
    perform core.require_name('resources.resource_type', v_resource ->> 'resource_type');
    perform core.require_name('resources.resource_name', v_resource ->> 'resource_name');
  end loop;
  return array(
    select distinct row(e.value ->> 'resource_type', e.value ->> 'resource_name')::core.resource
    from jsonb_array_elements(p_resources) as e
    order by 1
  );
end;
$$;

create or replace function core.acquire_locks(
  p_resources jsonb,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_wait_seconds numeric,
  p_priority integer,
  p_request_id uuid
)
returns setof public.agent_locks
language plpgsql
security definer
set search_path = ''
as $$
begin
  return query select * from unnest(core.take_leases(
    core.require_resources(p_resources), p_agent_name, p_execution_id, p_ttl_seconds, p_wait_seconds, p_priority,
    p_request_id
  ));
end;
$$;

create or replace function public.acquire_locks(
  resources jsonb,
  agent_name text,
  execution_id text,
  ttl_seconds integer default 300,
  wait_seconds numeric default 0,
  priority integer default 3,
  request_id uuid default null
)
returns setof public.agent_locks
language sql
set search_path = ''
as $$
  select core.acquire_locks(
    resources, agent_name, execution_id, ttl_seconds, wait_seconds, priority, request_id
  );
$$;

comment on function public.acquire_locks(jsonb, text, text, integer, numeric, integer, uuid) is
'Takes the leases of several resources, all of them or none: their rows, or an empty list.

resources: [{"resource_type": "subsystem", "resource_name": "skeleton"}, ...]. The rest as acquire_lock. While it
waits, a request holds nothing.';

-- sql/30_locks/cancel_lock_request.sql
create or replace function core.cancel_lock_request(p_request_id uuid)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_has_ended boolean;
begin
  perform core.require_present('request_id', to_jsonb(p_request_id));
  -- Waits for the acquire call itself, if that is still running.
  perform core.lock_request(v_workspace, p_request_id);
  delete from core.lock_tickets as t
  where t.workspace = v_workspace and t.request_id = p_request_id
    and t.agent_name = coalesce(core.claimed_agent(), t.agent_name);
  v_has_ended := found;
  -- It may have been granted just now: then its leases end, and pass on to the next in line. Locked in the lock order.
  perform from public.agent_locks as l
  where l.workspace = v_workspace and l.request_id = p_request_id
    and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)
  order by l.resource_type, l.resource_name
  for update;
  delete from public.agent_locks as l
  where l.workspace = v_workspace and l.request_id = p_request_id
    and l.locked_by = coalesce(core.claimed_agent(), l.locked_by);
  v_has_ended := v_has_ended or found;
  if exists (
    select from core.lock_tickets as t where t.workspace = v_workspace and t.request_id = p_request_id
  ) then
    return false;  -- the ticket is of another agent than the token's
  end if;
  -- An acquire call that arrives late, or again, must find its request answered, with no leases. And this call, when it
  -- is repeated, must find its own answer.
  insert into core.requests as r (workspace, request_id, function_name, answer)
  values (v_workspace, p_request_id, 'acquire_locks', to_jsonb(v_has_ended))
  on conflict (workspace, request_id) do update set answer = excluded.answer
  where r.function_name = excluded.function_name
    and (r.answer -> 0 ->> 'locked_by') = coalesce(core.claimed_agent(), r.answer -> 0 ->> 'locked_by');
  return v_has_ended or exists (
    select from core.requests as r
    where r.workspace = v_workspace and r.request_id = p_request_id
      and r.function_name = 'acquire_locks' and r.answer = 'true'
  );
end;
$$;

create or replace function public.cancel_lock_request(request_id uuid)
returns boolean
language sql
set search_path = ''
as $$
  select core.cancel_lock_request(request_id);
$$;

comment on function public.cancel_lock_request(uuid) is
'Ends a request for locks, whether it waits or was granted: all of its leases go to the next in
line. True if there was anything to end, also when it is repeated.';

-- sql/30_locks/cleanup_expired_locks.sql
-- Not needed for correctness: an expired lease is free to take anyway. It deletes their rows and logs each as lost.
-- From psql it works on all workspaces, through the API on the caller's. It locks leases in no fixed order, so it skips
-- those that are locked: to wait for them could deadlock.
create or replace function core.cleanup_expired_locks()
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  -- Without claims the caller is an operator in psql or Studio: all workspaces.
  v_workspace constant text := case
    when current_setting('request.jwt.claims', true) <> '' then core.current_workspace()
  end;
  v_lease public.agent_locks;
  v_count integer := 0;
begin
  for v_lease in
    -- Materialized, because a join may run a subquery more than once.
    with lapsed as materialized (
      select o.workspace, o.resource_type, o.resource_name from public.agent_locks as o
      where o.expires_at <= clock_timestamp() and (v_workspace is null or o.workspace = v_workspace)
      for update skip locked
    )
    delete from public.agent_locks as l
    using lapsed
    where l.workspace = lapsed.workspace
      and l.resource_type = lapsed.resource_type and l.resource_name = lapsed.resource_name
    returning l.*
  loop
    perform core.write_lock_lost(v_lease, 'expired');
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

create or replace function public.cleanup_expired_locks()
returns integer
language sql
set search_path = ''
as $$
  select core.cleanup_expired_locks();
$$;

comment on function public.cleanup_expired_locks() is
'Removes leases that have lapsed and returns how many; repeating it is harmless. From psql: in all workspaces.';

-- sql/30_locks/deadlocks.sql
-- Deadlocks: a cycle of agents that wait for each other is found in the database, and one of its waits is refused.
--
-- An identity is an agent within an execution. For each of its resources a ticket waits for the holder of the lease,
-- and so for the tickets of the holder's identity; and it waits for the ticket before it in line. The search for a
-- cycle may have to follow whole lines. So only those search, when their wait begins and each time they ask, whose
-- identity holds a lease that somebody waits for. That finds every cycle, because each has such a member.
--
-- Lock order: of the tickets in a cycle only the refused one is locked, which is the newest; the waiter's own is locked
-- after it. The rest is read without locks. A cycle does not end by itself, so one that was found is still there.

-- An edge from a ticket: the resource that it waits for, and another ticket that must end before.
create type core.wait_edge as (resource core.resource, ticket core.lock_tickets);

-- All edges from a ticket. Leases of its own identity do not count: another thread of it may release them. In the line
-- the tickets of the holder's identity do not count either: they wait for such a thread too, and all else that they
-- wait for is found through the holder.
create or replace function core.wait_edges(p_ticket core.lock_tickets)
returns setof core.wait_edge
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
as $$
begin
  return query
  select row(r.resource_type, r.resource_name)::core.resource, b.ticket
  from core.lock_ticket_resources as r
  left join public.agent_locks as h
    on r.workspace = h.workspace and r.resource_type = h.resource_type and r.resource_name = h.resource_name
    and h.expires_at > clock_timestamp()
  cross join lateral (
    select row(t.*)::core.lock_tickets as ticket from core.live_lock_tickets as t
    where t.workspace = h.workspace and t.execution_id = h.execution_id and t.agent_name = h.locked_by
    union all
    (
      select t.ticket
      from core.lock_ticket_resources as a
      cross join lateral (
        select row(t.*)::core.lock_tickets as ticket from core.live_lock_tickets as t
        where t.ticket_id = a.ticket_id
          and (t.execution_id, t.agent_name) is distinct from (h.execution_id, h.locked_by)
        offset 0
      ) as t
      where a.workspace = r.workspace and a.resource_type = r.resource_type and a.resource_name = r.resource_name
        and (a.queue_key, a.ticket_id) < (r.queue_key, r.ticket_id)
      order by a.queue_key desc, a.ticket_id desc
      limit 1
    )
  ) as b
  where r.ticket_id = p_ticket.ticket_id
    and (h.execution_id, h.locked_by) is distinct from (p_ticket.execution_id, p_ticket.agent_name);
end;
$$;

-- Breadth-first search along the edges, from a ticket back to itself. Returns the cycle as a list of who waits for
-- what, which is the detail of the error; or null if there is none.
create or replace function core.find_wait_cycle(p_ticket core.lock_tickets)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  -- The tickets that were reached; of each, the place of the one before it, and the wait between the two.
  v_tickets core.lock_tickets[] := array[p_ticket];
  v_ids bigint[] := array[p_ticket.ticket_id];
  v_from integer[] := array[0];
  v_waits jsonb[] := array[null]::jsonb[];
  v_at integer := 1;
  v_ticket core.lock_tickets;
  v_edge core.wait_edge;
  v_cycle jsonb;
begin
  while v_at <= cardinality(v_ids) loop
    v_ticket := v_tickets[v_at];
    for v_edge in select * from core.wait_edges(v_ticket) loop
      v_cycle := jsonb_build_array(jsonb_build_object(
        'agent_name', v_ticket.agent_name, 'execution_id', v_ticket.execution_id,
        'waits_for', to_jsonb(v_edge.resource), 'ticket_id', v_ticket.ticket_id
      ));
      if (v_edge.ticket).ticket_id = p_ticket.ticket_id then
        while v_at > 1 loop
          v_cycle := v_waits[v_at] || v_cycle;
          v_at := v_from[v_at];
        end loop;
        return v_cycle;
      elsif (v_edge.ticket).ticket_id <> all(v_ids) then
        v_tickets := array_append(v_tickets, v_edge.ticket);
        v_ids := array_append(v_ids, (v_edge.ticket).ticket_id);
        v_from := array_append(v_from, v_at);
        v_waits := array_append(v_waits, v_cycle);
      end if;
    end loop;
    v_at := v_at + 1;
  end loop;
  return null;
end;
$$;

create or replace function core.fail_deadlock(p_cycle jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'deadlock',
    jsonb_build_object('cycle', p_cycle),
    'Release what you hold, then ask again; or take all of it at once with acquire_locks.'
  );
end;
$$;

-- Ends a cycle that this ticket is on, by refusing one wait:
-- - If this wait begins now, this one, by an error. That undoes all that the call did, its log entries too.
-- - Else (two waits began together, or a lease changed hands) the newest one of the cycle. It is marked, and gets the
--   error at its next call: an error here would undo the mark. Returns whether the ticket may be on a cycle before it
--   asks again: its identity holds a lease that somebody waits for, or has another ticket that may be granted.
create or replace function core.refuse_deadlock(p_ticket core.lock_tickets, p_is_new boolean)
returns boolean
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_cycle jsonb;
  v_loser core.lock_tickets;
begin
  if not exists (
    select from public.agent_locks as l
    cross join lateral (
      select from core.lock_ticket_resources as r
      where r.workspace = l.workspace and r.resource_type = l.resource_type and r.resource_name = l.resource_name
        and r.ticket_id <> p_ticket.ticket_id
      limit 1
    ) as r
    where l.workspace = p_ticket.workspace
      and l.execution_id = p_ticket.execution_id and l.locked_by = p_ticket.agent_name
      and l.expires_at > clock_timestamp()
  ) then
    return exists (
      select from core.lock_tickets as t
      where t.workspace = p_ticket.workspace
        and t.execution_id = p_ticket.execution_id and t.agent_name = p_ticket.agent_name
        and t.ticket_id <> p_ticket.ticket_id
    );
  end if;
  v_cycle := core.find_wait_cycle(p_ticket);
  if v_cycle is null then
    return true;
  elsif p_is_new then
    perform core.fail_deadlock(v_cycle);
  end if;
  update core.lock_tickets as t set refused = v_cycle
  where t.refused is null and t.ticket_id = (
    select max((e.value ->> 'ticket_id')::bigint) from jsonb_array_elements(v_cycle) as e
  )
  returning t.* into v_loser;
  if found then
    perform core.write_activity(
      v_loser.workspace, v_loser.agent_name, 'lock_refused', jsonb_build_object('reason', 'deadlock', 'cycle', v_cycle),
      v_loser.execution_id
    );
  end if;
  return true;
end;
$$;

-- sql/30_locks/fencing_counters.sql
-- Fencing counters give each lease a greater token than all before it, and keep grants and writes apart.
--
-- Every resource that was ever locked has one. A grant locks it `for update`, so two grants of a resource never run at
-- the same time. A write shares it (`for key share`) until commit. No grant can happen meanwhile, so what the writer
-- has read of the lease stays true.
--
-- An advisory lock comes before the row, because Postgres grants a shared row lock even if somebody waits for the whole
-- row: with overlapping writes a grant would wait for ever. Advisory locks queue for both kinds. Writers share it; a
-- grant takes it if it cannot have the row at once. Both functions below must make its key in the same way.
--
-- Lock order: before the lease of the same resource; of several resources one after another, by type and name.

-- Locks the counter of one resource for a grant, until commit. False if that takes longer than a second, because others
-- write the resource all that time: calls that wait would fill the connection pool that the writers need.
create or replace function core.lock_fencing_counter(p_workspace text, p_resource_type text, p_resource_name text)
returns boolean
language plpgsql
set search_path = ''
set lock_timeout = '1s'
as $$
begin
  perform from core.fencing_counters as c
  where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
  for update skip locked;
  if found then
    return true;
  end if;
  begin
    -- It does not exist yet, or it is locked. Behind the advisory lock only those are waited for who came before.
    perform pg_advisory_xact_lock(
      hashtextextended('counter/' || p_workspace || '/' || p_resource_type || '/' || p_resource_name, 0)
    );
    insert into core.fencing_counters (workspace, resource_type, resource_name)
    values (p_workspace, p_resource_type, p_resource_name)
    on conflict do nothing;
    perform from core.fencing_counters as c
    where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
    for update;
    return true;
  exception
    when lock_not_available then
      return false;
  end;
end;
$$;

-- Shares the counter for a write, until commit.
create or replace function core.share_fencing_counter(p_workspace text, p_resource_type text, p_resource_name text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(
    hashtextextended('counter/' || p_workspace || '/' || p_resource_type || '/' || p_resource_name, 0)
  );
  perform from core.fencing_counters as c
  where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
  for key share;
  if not found then
    insert into core.fencing_counters (workspace, resource_type, resource_name)
    values (p_workspace, p_resource_type, p_resource_name)
    on conflict do nothing;
    perform from core.fencing_counters as c
    where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
    for key share;
  end if;
  return true;
end;
$$;

-- Makes the missing counters of these resources, because core.hand_over cannot make any. False if another transaction
-- makes one and does not commit in time: then core.hand_over skips the ticket, which is granted when its client asks.
create or replace function core.make_fencing_counters(p_workspace text, p_resources core.resource[])
returns boolean
language plpgsql
set search_path = ''
set lock_timeout = '100ms'
as $$
begin
  insert into core.fencing_counters (workspace, resource_type, resource_name)
  select p_workspace, r.resource_type, r.resource_name from unnest(p_resources) as r
  on conflict do nothing;
  return true;
exception
  when lock_not_available then
    return false;
end;
$$;

-- sql/30_locks/force_release_lock.sql
create or replace function core.force_release_lock(
  p_resource_type text,
  p_resource_name text,
  p_released_by text,
  p_reason text,
  p_request_id uuid
)
returns setof public.agent_locks
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_lease public.agent_locks;
begin
  perform core.require_name('resource_type', p_resource_type);
  perform core.require_name('resource_name', p_resource_name);
  perform core.require_agent('released_by', p_released_by);
  perform core.require_text('reason', p_reason);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'force_release_lock',
    jsonb_build_array(p_resource_type, p_resource_name, p_released_by, p_reason)
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.agent_locks, v_request.answer);
    return;
  end if;
  delete from public.agent_locks as l
  where l.workspace = v_workspace and l.resource_type = p_resource_type and l.resource_name = p_resource_name
  returning l.* into v_lease;
  if not found then
    -- Remembered too: a repetition must not end a lease that was granted since.
    perform core.remember_request(v_request, '[]');
    return;
  end if;
  perform core.write_activity(
    v_workspace, p_released_by, 'lock_forced',
    jsonb_build_object(
      'resource_type', p_resource_type, 'resource_name', p_resource_name, 'locked_by', v_lease.locked_by,
      'fencing_token', v_lease.fencing_token, 'reason', p_reason
    ),
    v_lease.execution_id
  );
  perform core.remember_request(v_request, jsonb_build_array(v_lease));
  return next v_lease;
end;
$$;

create or replace function public.force_release_lock(
  resource_type text,
  resource_name text,
  released_by text,
  reason text,
  request_id uuid default null
)
returns setof public.agent_locks
language sql
rows 1
set search_path = ''
as $$
  select core.force_release_lock(resource_type, resource_name, released_by, reason, request_id);
$$;

comment on function public.force_release_lock(text, text, text, text, uuid) is
'For operators: ends somebody else''s lease. Its row, or nothing if the resource was free. Writes with its token are
refused from then on.';

-- sql/30_locks/guard_write.sql
-- Checks that the caller may write the subsystem: refused if another execution has its lease, or if the lease of the
-- fencing token has ended. The locks that it takes keep that true until commit. Returns the agent for the log.
-- p_is_released: the caller deletes the lease later. Then the lease is locked `for update` at once: two transactions
-- that share it first and upgrade later would deadlock.
-- Lock order: the workspace (share) if the subsystem does not exist yet, fencing counter (share), lease.
create or replace function core.guard_write(
  p_workspace text,
  p_subsystem text,
  p_execution_id text,
  p_fencing_token bigint,
  p_is_released boolean default false
)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_claimed_agent constant text := core.claimed_agent();
  v_lease public.agent_locks;
  v_is_mine boolean;
begin
  perform core.lock_absent_subsystem(p_workspace, p_subsystem);
  perform core.share_fencing_counter(p_workspace, 'subsystem', p_subsystem);
  if p_is_released then
    perform from public.agent_locks as l
    where l.workspace = p_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
    for update;
  end if;
  select * into v_lease from public.agent_locks as l
  where l.workspace = p_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
    and l.expires_at > clock_timestamp()
  for key share;
  v_is_mine := v_lease.locked_by = coalesce(v_claimed_agent, v_lease.locked_by) and case
    when p_fencing_token is null then v_lease.execution_id = p_execution_id
    else v_lease.fencing_token = p_fencing_token
  end;
  if p_fencing_token is not null and v_is_mine is not true then
    perform core.fail_lease_lost('subsystem', p_subsystem, p_fencing_token, v_lease);
  elsif v_lease.locked_by is not null and v_is_mine is not true then
    perform core.fail(
      'resource_locked',
      jsonb_build_object(
        'resource_type', 'subsystem', 'resource_name', p_subsystem, 'locked_by', v_lease.locked_by,
        'execution_id', v_lease.execution_id, 'expires_at', v_lease.expires_at
      ),
      'Acquire the lock of this subsystem first, or wait until its holder has released it.'
    );
  end if;
  perform core.require_optional_name('agent', v_claimed_agent);  -- nobody else checks a claim that goes into the log
  return coalesce(v_claimed_agent, v_lease.locked_by, p_execution_id, 'unknown');
end;
$$;

-- sql/30_locks/hand_over.sql
-- Trigger after each DELETE of a lease: release, check-in, clean-up, force_release_lock, or by hand in psql.
-- Grants the resource to the first in line, in the same transaction.
--
-- The row of the ended lease is locked by now, and the lock order has counters before leases. So this never waits for a
-- counter, for another lease or for a ticket: several leases that end together hand over in the order of their rows. If
-- one of them is locked, it grants nothing: the waiter is granted when it asks next.
create or replace function core.hand_over()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_ticket_id constant bigint := core.first_in_line(
    old.workspace, row(old.resource_type, old.resource_name)::core.resource
  );
  v_resource core.resource;
  v_ticket core.lock_tickets;
begin
  if v_ticket_id is null then
    return null;
  end if;
  for v_resource in
    select r.resource_type, r.resource_name from core.lock_ticket_resources as r
    where r.ticket_id = v_ticket_id
    order by r.resource_type, r.resource_name
  loop
    perform from core.fencing_counters as c
    where c.workspace = old.workspace
      and c.resource_type = v_resource.resource_type and c.resource_name = v_resource.resource_name
    for update skip locked;
    if not found then
      return null;
    end if;
    perform from public.agent_locks as l
    where l.workspace = old.workspace
      and l.resource_type = v_resource.resource_type and l.resource_name = v_resource.resource_name
    for update skip locked;
    if not found and exists (
      select from public.agent_locks as l
      where l.workspace = old.workspace
        and l.resource_type = v_resource.resource_type and l.resource_name = v_resource.resource_name
    ) then
      return null;
    end if;
  end loop;
  select * into v_ticket from core.lock_tickets as t where t.ticket_id = v_ticket_id for update skip locked;
  if found then
    perform core.grant_leases(v_ticket, null);
  end if;
  return null;
end;
$$;

create trigger agent_locks_hand_over
after delete on public.agent_locks
for each row execute function core.hand_over();

-- sql/30_locks/leases.sql
-- Leases: how they are granted, and what is logged or raised when one was lost.
--
-- A lease is a row of agent_locks. One whose expires_at has passed is free to take. For each resource a grant locks the
-- fencing counter and then the lease, both `for update`. The counter, so that no two grants run at the same time. The
-- lease, because a writer holds it `for key share` until it commits: `for update` waits for that, a plain UPDATE does
-- not. All resources of a request are granted, or none.
--
-- A request that waits, or was ready to wait, gets a provisional lease, for 10 s at most. The client confirms it by
-- renew_lock: PostgREST does not notice that a client has gone away, so nobody may be there any more.
--
-- Lock order: resource by resource, by type and name, its counter and then its lease; after all of them the ticket.

-- Logs that a lease was lost. Grants and releases are not logged: they are too many. For waits see log_lock_wait.sql.
create or replace function core.write_lock_lost(p_lease public.agent_locks, p_reason text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.write_activity(
    p_lease.workspace, p_lease.locked_by, 'lock_lost',
    jsonb_build_object(
      'resource_type', p_lease.resource_type, 'resource_name', p_lease.resource_name,
      'fencing_token', p_lease.fencing_token, 'expires_at', p_lease.expires_at, 'reason', p_reason
    ),
    p_lease.execution_id
  ) is not null;
end;
$$;

create or replace function core.fail_lease_lost(
  p_resource_type text,
  p_resource_name text,
  p_fencing_token bigint,
  p_holder public.agent_locks
)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'lease_lost',
    jsonb_build_object(
      'resource_type', p_resource_type, 'resource_name', p_resource_name,
      'fencing_token', p_fencing_token, 'held_by', p_holder.locked_by
    ),
    'The lease with this token has ended. Acquire the lock again, read again, and redo the work.'
  );
end;
$$;

-- The leases of one request, as they are now. None if one of them has ended, because a set is good only as a whole: the
-- others end by cancel_lock_request, or expire. None either if the token is of another agent.
create or replace function core.leases_of_request(p_workspace text, p_request_id uuid)
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
declare
  v_leases constant public.agent_locks[] := array(
    select l from public.agent_locks as l
    where l.workspace = p_workspace and l.request_id = p_request_id and l.expires_at > clock_timestamp()
      and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)
    order by l.resource_type, l.resource_name
  );
begin
  -- The remembered answer tells how many there were: here, that there were more.
  if exists (
    select from core.requests as r
    where r.workspace = p_workspace and r.request_id = p_request_id and r.function_name = 'acquire_locks'
      and r.answer -> cardinality(v_leases) is not null
  ) then
    return array[]::public.agent_locks[];
  end if;
  return v_leases;
end;
$$;

-- Writes a lease with the next fencing token. The caller has locked counter and lease, and has seen that it is free.
create or replace function core.write_lease(p_ticket core.lock_tickets, p_resource core.resource)
returns public.agent_locks
language plpgsql
set search_path = ''
as $$
declare
  v_is_provisional constant boolean := p_ticket.gives_up_at is not null;  -- it waits, or was ready to
  v_fencing_token bigint;
  v_lease public.agent_locks;
begin
  update core.fencing_counters as c
  set
    last_token = c.last_token + 1,
    last_granted_at = clock_timestamp(),
    -- Rather less than the mean of the last turns. An estimate that is too short costs a waiter one more call; one
    -- that is too long delays the waiters, and so makes the next turns longer too.
    turn_ms = case when p_ticket.ticket_id is null then c.turn_ms else (
      select coalesce(
        c.turn_ms + (last.turn_ms - c.turn_ms) * case when last.turn_ms < c.turn_ms then 0.5 else 0.05 end,
        last.turn_ms
      )
      from (select extract(epoch from clock_timestamp() - c.last_granted_at) * 1000 as turn_ms) as last
    ) end
  where c.workspace = p_ticket.workspace
    and c.resource_type = p_resource.resource_type and c.resource_name = p_resource.resource_name
  returning c.last_token into v_fencing_token;
  insert into public.agent_locks as l (
    workspace, resource_type, resource_name, locked_by, execution_id, expires_at, ttl_seconds,
    fencing_token, request_id, provisional
  ) values (
    p_ticket.workspace, p_resource.resource_type, p_resource.resource_name, p_ticket.agent_name, p_ticket.execution_id,
    clock_timestamp() + make_interval(
      secs => case when v_is_provisional then least(p_ticket.ttl_seconds, 10) else p_ticket.ttl_seconds end
    ),
    p_ticket.ttl_seconds, v_fencing_token, p_ticket.request_id, v_is_provisional
  )
  on conflict (workspace, resource_type, resource_name) do update set
    locked_by = excluded.locked_by,
    execution_id = excluded.execution_id,
    locked_at = excluded.locked_at,
    expires_at = excluded.expires_at,
    ttl_seconds = excluded.ttl_seconds,
    fencing_token = excluded.fencing_token,
    request_id = excluded.request_id,
    provisional = excluded.provisional
  returning l.* into v_lease;
  return v_lease;
end;
$$;

-- Grants all of the resources (sorted by type and name) and returns the leases. Or null: one of them is locked, others
-- write it all the time, or another ticket is first in its line. A request that is not in line has a ticket without a
-- ticket_id. One that is in line gets what it waits for (p_resources is null), and its ticket is deleted.
create or replace function core.grant_leases(p_ticket core.lock_tickets, p_resources core.resource[])
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
declare
  v_resources core.resource[] := p_resources;
  v_resource core.resource;
  v_lease public.agent_locks;
  v_lapsed public.agent_locks[] := array[]::public.agent_locks[];
  v_leases public.agent_locks[] := array[]::public.agent_locks[];
begin
  if v_resources is null then
    v_resources := array(
      select row(r.resource_type, r.resource_name)::core.resource from core.lock_ticket_resources as r
      where r.ticket_id = p_ticket.ticket_id
      order by r.resource_type, r.resource_name
    );
  end if;
  -- A look without locks first: most attempts on a locked resource end here, without a write.
  foreach v_resource in array v_resources loop
    perform from public.agent_locks as l
    where l.workspace = p_ticket.workspace
      and l.resource_type = v_resource.resource_type and l.resource_name = v_resource.resource_name
      and l.expires_at > clock_timestamp();
    if found then
      return null;
    end if;
  end loop;
  foreach v_resource in array v_resources loop
    if not core.lock_fencing_counter(p_ticket.workspace, v_resource.resource_type, v_resource.resource_name) then
      return null;
    end if;
    select * into v_lease from public.agent_locks as l
    where l.workspace = p_ticket.workspace
      and l.resource_type = v_resource.resource_type and l.resource_name = v_resource.resource_name
    for update;
    if v_lease.expires_at > clock_timestamp()
      or core.first_in_line(p_ticket.workspace, v_resource) is distinct from p_ticket.ticket_id then
      return null;
    elsif v_lease.expires_at is not null then
      v_lapsed := v_lapsed || v_lease;
    end if;
  end loop;
  if p_ticket.ticket_id is not null then
    delete from core.lock_tickets as t where t.ticket_id = p_ticket.ticket_id and t.refused is null;
    if not found then
      return null;  -- cancelled, or refused as a deadlock, while we waited for the locks
    end if;
  end if;
  foreach v_lease in array v_lapsed loop
    perform core.write_lock_lost(v_lease, 'expired and was taken over');
  end loop;
  foreach v_resource in array v_resources loop
    v_leases := v_leases || core.write_lease(p_ticket, v_resource);
  end loop;
  if p_ticket.ticket_id is not null then
    -- The request is answered now: a late repetition must not queue for the lock again. Not by remember_request: if a
    -- client has used the id for another call too, the release that runs this must not fail.
    insert into core.requests (workspace, request_id, function_name, arguments_hash, answer)
    values (p_ticket.workspace, p_ticket.request_id, 'acquire_locks', p_ticket.arguments_hash, to_jsonb(v_leases))
    on conflict do nothing;
  end if;
  return v_leases;
end;
$$;

-- sql/30_locks/lock_queue.sql
create view public.lock_queue
with (security_invoker = true) as
select
  r.workspace,
  r.resource_type,
  r.resource_name,
  row_number() over (
    partition by r.workspace, r.resource_type, r.resource_name order by r.queue_key, r.ticket_id
  ) as position,
  t.agent_name,
  t.execution_id,
  t.priority,
  t.created_at as waiting_since,
  t.gives_up_at,
  t.request_id
from core.lock_ticket_resources as r
cross join lateral (
  select l.* from core.live_lock_tickets as l
  where l.ticket_id = r.ticket_id
  offset 0 -- noqa: AM09
) as t;

comment on view public.lock_queue is 'Who waits for which lock, in the order in which they will get it.';

-- sql/30_locks/log_lock_wait.sql
-- Trigger before each DELETE of a ticket, while its resources are there: logs how long each was waited for, whether it
-- was granted or not. Waits of less than a second are not logged, because a lock that is quickly passed on has one with
-- each grant. Nor are those of a client that fell silent a minute ago or longer: core.enqueue and the daily cleaning
-- delete such tickets, within a call of somebody else.
create or replace function core.log_lock_wait()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_waited constant interval := least(clock_timestamp(), old.alive_until, old.gives_up_at) - old.created_at;
begin
  perform core.write_activity(
    old.workspace, old.agent_name, 'lock_waited',
    jsonb_build_object(
      'resource_type', r.resource_type, 'resource_name', r.resource_name,
      'waited_seconds', round(extract(epoch from v_waited), 3)
    ),
    old.execution_id
  )
  from core.lock_ticket_resources as r
  where r.ticket_id = old.ticket_id;
  return old;
end;
$$;

create trigger lock_tickets_log_wait
before delete on core.lock_tickets
for each row
when (
  least(clock_timestamp(), old.alive_until, old.gives_up_at)
  >= greatest(old.created_at + interval '1 second', clock_timestamp() - interval '60 seconds')
)
execute function core.log_lock_wait();

-- sql/30_locks/queue.sql
-- The queue for locks, which acquire_lock, acquire_locks and checkout_subsystem share.
--
-- A request gets all of its resources, or none. If they are not free and it is ready to wait, it gets a ticket: a row
-- of core.lock_tickets, and one of core.lock_ticket_resources in the line of each resource, by queue_key and ticket_id.
-- While it waits it holds nothing. Its client asks by wait_for_lock, or by the same call again (waiters.sql). A
-- resource is granted to the first live ticket in its line, and a new request never overtakes a live ticket. A ticket
-- whose client does not ask any more is skipped, and deleted when another request queues for the same resource.
--
-- Lock order: request id, then what a grant locks (leases.sql), then tickets.

-- The first live ticket in the line of a resource, or null if there is none.
create or replace function core.first_in_line(p_workspace text, p_resource core.resource)
returns bigint
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_ticket_id bigint;
begin
  for v_ticket_id in
    select r.ticket_id from core.lock_ticket_resources as r
    where r.workspace = p_workspace
      and r.resource_type = p_resource.resource_type and r.resource_name = p_resource.resource_name
    order by r.queue_key, r.ticket_id
  loop
    perform from core.live_lock_tickets as t where t.ticket_id = v_ticket_id;
    if found then
      return v_ticket_id;
    end if;
  end loop;
  return null;
end;
$$;

-- Puts a request in line, unless its wait would close a cycle of agents that wait for each other.
create or replace function core.enqueue(p_ticket core.lock_tickets, p_resources core.resource[], p_wait_seconds numeric)
returns boolean
language plpgsql
set search_path = ''
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  -- Tickets whose client has been silent for a minute; `skip locked`, because another call may be deleting them.
  v_dead constant bigint[] := array(
    select dead.ticket_id
    from unnest(p_resources) as w
    cross join lateral (
      select r.ticket_id from core.lock_ticket_resources as r
      where r.workspace = p_ticket.workspace
        and r.resource_type = w.resource_type and r.resource_name = w.resource_name
      offset 0
    ) as line
    cross join lateral (
      select d.ticket_id from core.lock_tickets as d
      where d.ticket_id = line.ticket_id
        and least(d.alive_until, d.gives_up_at) < clock_timestamp() - interval '60 seconds'
      for update skip locked
    ) as dead
  );
  v_ticket core.lock_tickets;
begin
  if v_dead <> '{}' then
    delete from core.lock_tickets as t where t.ticket_id = any(v_dead);
  end if;
  insert into core.lock_tickets as t (
    workspace, request_id, arguments_hash, agent_name, execution_id, ttl_seconds, priority, queue_key, gives_up_at
  ) values (
    p_ticket.workspace, p_ticket.request_id, p_ticket.arguments_hash, p_ticket.agent_name, p_ticket.execution_id,
    p_ticket.ttl_seconds, p_ticket.priority,
    clock_timestamp() + (p_ticket.priority - 3) * interval '30 seconds',
    clock_timestamp() + make_interval(secs => p_wait_seconds)
  )
  returning t.* into v_ticket;
  perform core.make_fencing_counters(v_ticket.workspace, p_resources);
  insert into core.lock_ticket_resources (workspace, resource_type, resource_name, queue_key, ticket_id)
  select v_ticket.workspace, r.resource_type, r.resource_name, v_ticket.queue_key, v_ticket.ticket_id
  from unnest(p_resources) as r;
  return core.refuse_deadlock(v_ticket, true);
end;
$$;

-- Returns the leases. Or an empty list: with p_wait_seconds above 0 the request is in line now, else it is refused.
create or replace function core.take_leases(
  p_resources core.resource[],
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_wait_seconds numeric,
  p_priority integer,
  p_request_id uuid
)
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_ticket core.lock_tickets;
  v_leases public.agent_locks[];
begin
  perform
    core.require_agent('agent_name', p_agent_name),
    core.require_name('execution_id', p_execution_id),
    core.require_whole_number('ttl_seconds', to_jsonb(p_ttl_seconds), 1, 86400),
    core.require_whole_number('priority', to_jsonb(p_priority), 1, 4);
  if (p_wait_seconds between 0 and 86400) is not true then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'wait_seconds', 'reason', 'is out of range', 'value', p_wait_seconds),
      'Use 0 to 86400 seconds.'
    );
  elsif p_wait_seconds > 0 and p_request_id is null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'request_id', 'reason', 'is missing'),
      'A request that waits is known by its request_id: send a new uuid.'
    );
  end if;
  v_request := core.recall_request(
    v_workspace, p_request_id, 'acquire_locks',
    jsonb_build_array(p_resources, p_agent_name, p_execution_id, p_ttl_seconds)
  );
  if v_request.is_replay then
    -- Not the remembered answer: some of its leases may have ended since.
    return core.leases_of_request(v_workspace, p_request_id);
  elsif p_request_id is not null then
    -- It may be in line already, and this the same call again.
    select * into v_ticket from core.lock_tickets as t
    where t.workspace = v_workspace and t.request_id = p_request_id;
    if v_ticket.arguments_hash <> v_request.arguments_hash then
      perform core.fail(
        'request_id_reused',
        jsonb_build_object('request_id', p_request_id, 'first_used_by', v_request.function_name),
        'Make a new request_id for every new call; repeat one only with the same arguments.'
      );
    elsif v_ticket.ticket_id is not null then
      return (core.answer_waiter(v_workspace, p_request_id)).leases;
    end if;
  end if;
  -- Not in line: a ticket without a ticket_id, and without gives_up_at if the caller is not ready to wait.
  v_ticket.workspace := v_workspace;
  v_ticket.request_id := p_request_id;
  v_ticket.arguments_hash := v_request.arguments_hash;
  v_ticket.agent_name := p_agent_name;
  v_ticket.execution_id := p_execution_id;
  v_ticket.ttl_seconds := p_ttl_seconds;
  v_ticket.priority := p_priority;
  if p_wait_seconds > 0 then
    v_ticket.gives_up_at := clock_timestamp() + make_interval(secs => p_wait_seconds);
  end if;
  v_leases := core.grant_leases(v_ticket, p_resources);
  if v_leases is not null then
    perform core.remember_request(v_request, to_jsonb(v_leases));
  elsif p_wait_seconds > 0 then
    perform core.enqueue(v_ticket, p_resources, p_wait_seconds);
  end if;
  -- A refusal is not remembered: it changed nothing, and a client that polls would write a row each time.
  return coalesce(v_leases, '{}');
end;
$$;

-- sql/30_locks/release_lock.sql
create or replace function core.release_lock(
  p_resource_type text,
  p_resource_name text,
  p_execution_id text,
  p_fencing_token bigint,
  p_request_id uuid
)
returns setof public.agent_locks
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_lease public.agent_locks;
begin
  perform
    core.require_name('resource_type', p_resource_type),
    core.require_name('resource_name', p_resource_name),
    core.require_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'release_lock',
    jsonb_build_array(p_resource_type, p_resource_name, p_execution_id, p_fencing_token)
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.agent_locks, v_request.answer);
    return;
  end if;
  delete from public.agent_locks as l
  where l.workspace = v_workspace and l.resource_type = p_resource_type and l.resource_name = p_resource_name
    and l.execution_id = p_execution_id
    and l.fencing_token = coalesce(p_fencing_token, l.fencing_token)
    and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)
  returning l.* into v_lease;
  if v_lease.expires_at > clock_timestamp() then
    perform core.remember_request(v_request, jsonb_build_array(v_lease));
    return next v_lease;
    return;
  elsif v_lease.expires_at is not null then
    -- It had expired already. The answer is not "released", or the caller would not learn that.
    perform core.write_lock_lost(v_lease, 'expired before its release');
  end if;
  -- Remembered too: a repetition must not end a lease that was granted since.
  perform core.remember_request(v_request, '[]');
end;
$$;

create or replace function public.release_lock(
  resource_type text,
  resource_name text,
  execution_id text,
  fencing_token bigint default null,
  request_id uuid default null
)
returns setof public.agent_locks
language sql
rows 1
set search_path = ''
as $$
  select core.release_lock(resource_type, resource_name, execution_id, fencing_token, request_id);
$$;

comment on function public.release_lock(text, text, text, bigint, uuid) is
'Gives a lease back: its row, or nothing (an empty list) if this execution did not hold it or it had lapsed.';

-- sql/30_locks/renew_lock.sql
create or replace function core.renew_lock(
  p_resource_type text,
  p_resource_name text,
  p_execution_id text,
  p_fencing_token bigint,
  p_ttl_seconds integer,
  p_request_id uuid
)
returns public.agent_locks
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_lease public.agent_locks;
begin
  perform
    core.require_name('resource_type', p_resource_type),
    core.require_name('resource_name', p_resource_name),
    core.require_name('execution_id', p_execution_id),
    core.require_present('fencing_token', to_jsonb(p_fencing_token)),
    core.require_whole_number('ttl_seconds', to_jsonb(p_ttl_seconds), 1, 86400);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'renew_lock',
    jsonb_build_array(p_resource_type, p_resource_name, p_execution_id, p_fencing_token, p_ttl_seconds)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.agent_locks, v_request.answer);
  end if;
  update public.agent_locks as l
  set
    expires_at = clock_timestamp() + make_interval(secs => p_ttl_seconds),
    ttl_seconds = p_ttl_seconds,
    provisional = false
  where l.workspace = v_workspace and l.resource_type = p_resource_type and l.resource_name = p_resource_name
    and l.fencing_token = p_fencing_token and l.execution_id = p_execution_id
    and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)
    and l.expires_at > clock_timestamp()
  returning l.* into v_lease;
  if not found then
    select * into v_lease from public.agent_locks as l
    where l.workspace = v_workspace and l.resource_type = p_resource_type and l.resource_name = p_resource_name
      and l.expires_at > clock_timestamp();
    perform core.fail_lease_lost(p_resource_type, p_resource_name, p_fencing_token, v_lease);
  end if;
  perform core.remember_request(v_request, to_jsonb(v_lease));
  return v_lease;
end;
$$;

create or replace function public.renew_lock(
  resource_type text,
  resource_name text,
  execution_id text,
  fencing_token bigint,
  ttl_seconds integer default 300,
  request_id uuid default null
)
returns public.agent_locks
language sql
set search_path = ''
as $$
  select core.renew_lock(resource_type, resource_name, execution_id, fencing_token, ttl_seconds, request_id);
$$;

comment on function public.renew_lock(text, text, text, bigint, integer, uuid) is
'Extends a lease to ttl_seconds from now and returns its row; lease_lost if it has ended. Confirms a provisional one.';

-- sql/30_locks/wait_for_lock.sql
create or replace function core.wait_for_lock(p_request_id uuid)
returns public.lock_wait
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
begin
  perform core.require_present('request_id', to_jsonb(p_request_id));
  return core.answer_waiter(v_workspace, p_request_id);
end;
$$;

create or replace function public.wait_for_lock(request_id uuid)
returns public.lock_wait
language sql
set search_path = ''
as $$
  select core.wait_for_lock(request_id);
$$;

comment on function public.wait_for_lock(uuid) is
'Asks how a request that waits for locks stands.

state granted: the leases are yours for a few seconds, confirm each by renew_lock to keep it; waiting: ask again after
retry_ms, which grows with the wait. Whoever is silent for three times that and 3 s more loses its turn; gone: no such
request waits any more, or one of its leases has ended: cancel_lock_request gives back the rest. waiting_for: the agents
that hold what you wait for; where nobody does, who is before you in line. deadlock if this wait was chosen to end one.';

-- sql/30_locks/waiters.sql
-- Waiters: how a waiting request stands, and when its client should ask again.
--
-- No call waits inside the database. A waiter asks, is answered at once, and sleeps for retry_ms in the client. With
-- each answer its ticket counts as live for three times retry_ms and 3 s more; after that it is skipped. The first in
-- line is granted what is free when it asks. That is needed after an expiry, which runs no code, and if core.hand_over
-- could not lock something.
--
-- Lock order: reads without locks; then what a grant locks (leases.sql), or a ticket that is refused, and at the end
-- its own ticket.

-- When a waiter should ask again. The first in line: after a tenth of the time for which the resource has been locked
-- (core.retry_ms), 5 ms to 1 s, but not before half of what is left of a short turn. Those behind it: later by 0.8
-- turns for each ticket before them. A turn is taken to last as long as the last ones, or as this one so far. At most 5
-- s, because a provisional lease expires after 10 s.
create or replace function core.lock_retry_ms(p_position integer, p_locked_for interval, p_turn_ms double precision)
returns integer
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_locked_ms constant double precision := coalesce(extract(epoch from p_locked_for) * 1000, 0);
  v_turn_ms constant double precision := greatest(coalesce(p_turn_ms, v_locked_ms), 25);
begin
  return least(
    5000,
    greatest(core.retry_ms(p_locked_for, 5, 1000), least(25, (v_turn_ms - v_locked_ms) / 2))
    + 0.8 * (p_position - 1) * v_turn_ms
  );
end;
$$;

-- The answer to a waiter that goes on waiting: for which agents, and when to ask again. Also notes until when its
-- ticket is live. One that may be in a deadlock is told to ask soon, because only that finds the deadlock.
create or replace function core.keep_in_line(
  p_ticket core.lock_tickets,
  p_position integer,
  p_may_be_deadlocked boolean
)
returns public.lock_wait
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_locked_for interval;
  v_turn_ms double precision;
  v_agents text[];
  v_retry_ms integer;
  v_alive_until timestamptz;
begin
  -- A resource without a lease (its first ticket waits for others too, or it is being written) counts as locked since
  -- this wait began. The agents are the holder of each resource or, if there is none, the one before this in line.
  select
    coalesce(max(clock_timestamp() - l.locked_at), clock_timestamp() - p_ticket.created_at),
    max(c.turn_ms),
    array_agg(distinct coalesce(l.locked_by, ahead.agent_name)) filter (
      where coalesce(l.locked_by, ahead.agent_name) is not null
    )
  into v_locked_for, v_turn_ms, v_agents
  from core.lock_ticket_resources as r
  left join public.agent_locks as l
    on r.workspace = l.workspace and r.resource_type = l.resource_type and r.resource_name = l.resource_name
    and l.expires_at > clock_timestamp()
  left join core.fencing_counters as c
    on r.workspace = c.workspace and r.resource_type = c.resource_type and r.resource_name = c.resource_name
  left join lateral (
    select t.agent_name from core.lock_ticket_resources as a
    cross join lateral (
      select t.agent_name from core.live_lock_tickets as t
      where t.ticket_id = a.ticket_id
      offset 0
    ) as t
    where l.locked_by is null
      and a.workspace = r.workspace and a.resource_type = r.resource_type and a.resource_name = r.resource_name
      and (a.queue_key, a.ticket_id) < (r.queue_key, r.ticket_id)
    order by a.queue_key desc, a.ticket_id desc
    limit 1
  ) as ahead on true
  where r.ticket_id = p_ticket.ticket_id;
  -- A provisional lease expires with its time to live at the latest, so the waiter must ask before that.
  v_retry_ms := least(core.lock_retry_ms(p_position, v_locked_for, v_turn_ms), 500 * p_ticket.ttl_seconds);
  if p_may_be_deadlocked then
    v_retry_ms := least(v_retry_ms, 1500);
  end if;
  v_alive_until := clock_timestamp() + (3 * v_retry_ms + 3000) * interval '1 millisecond';
  if p_ticket.alive_until not between v_alive_until and v_alive_until + interval '1 second' then
    -- With a second to spare, so a waiter that asks often writes once a second. Not flushed: a crash of the server may
    -- lose it, and the next call notes it again.
    perform set_config('synchronous_commit', 'off', true);
    update core.lock_tickets as t set alive_until = v_alive_until + interval '1 second'
    where t.ticket_id = p_ticket.ticket_id;
  end if;
  return row('waiting', '{}'::public.agent_locks[], p_position, v_retry_ms, coalesce(v_agents, '{}'))::public.lock_wait;
end;
$$;

create or replace function core.answer_waiter(p_workspace text, p_request_id uuid)
returns public.lock_wait
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_look record;
  v_ticket core.lock_tickets;
  v_leases public.agent_locks[];
begin
  -- One statement, so that ticket and place are of one snapshot. The place is 1 for the first in line, and for several
  -- resources the last of its places. Counted up to 100.
  select
    t as ticket,
    (
      select 1 + max(ahead.tickets)
      from core.lock_ticket_resources as r
      cross join lateral (
        select count(*)::integer as tickets
        from (
          select from core.lock_ticket_resources as a
          cross join lateral (
            select from core.live_lock_tickets as l
            where l.ticket_id = a.ticket_id
            offset 0
          ) as l
          where a.workspace = r.workspace and a.resource_type = r.resource_type and a.resource_name = r.resource_name
            and (a.queue_key, a.ticket_id) < (r.queue_key, r.ticket_id)
          limit 100
        ) as a
      ) as ahead
      where r.ticket_id = t.ticket_id
    ) as place
  into v_look
  from core.lock_tickets as t
  where t.workspace = p_workspace and t.request_id = p_request_id
    and t.agent_name = coalesce(core.claimed_agent(), t.agent_name);
  v_ticket := v_look.ticket;
  if v_ticket.refused is not null then
    perform core.fail_deadlock(v_ticket.refused);
  elsif v_ticket.gives_up_at > clock_timestamp() is not true then
    -- The ticket was deleted by a grant, or its wait has ended.
    v_leases := core.leases_of_request(p_workspace, p_request_id);
    return row(case when v_leases = '{}' then 'gone' else 'granted' end, v_leases, 0, 0, '{}')::public.lock_wait;
  elsif v_look.place = 1 then
    v_leases := core.grant_leases(v_ticket, null);
    if v_leases is not null then
      return row('granted', v_leases, 0, 0, '{}')::public.lock_wait;
    end if;
  end if;
  return core.keep_in_line(v_ticket, v_look.place, core.refuse_deadlock(v_ticket, false));
end;
$$;

-- sql/30_locks/get_lock_status.sql
create type public.lock_status as (
  resource_type text,
  resource_name text,
  holder public.agent_locks,
  queue public.lock_queue []
);
comment on type public.lock_status is 'Answer of get_lock_status.';

create or replace function public.get_lock_status(resource_type text, resource_name text)
returns public.lock_status
language sql
stable
set search_path = ''
set enable_seqscan = off
as $$
  select row(
    get_lock_status.resource_type,
    get_lock_status.resource_name,
    (
      select l from public.agent_locks as l
      where l.workspace = core.current_workspace()
        and l.resource_type = get_lock_status.resource_type and l.resource_name = get_lock_status.resource_name
        and l.expires_at > clock_timestamp()
    ),
    array(
      select q from public.lock_queue as q
      where q.workspace = core.current_workspace()
        and q.resource_type = get_lock_status.resource_type and q.resource_name = get_lock_status.resource_name
      order by q.position
    )
  )::public.lock_status;
$$;

comment on function public.get_lock_status(text, text) is
'Who holds a lock (holder, or null), until when, and who waits for it, in order.';

-- sql/40_documents/tables.sql
create table public.subsystem_requirements (
  workspace text not null,
  subsystem_name text not null,
  version integer not null default 1 check (version >= 1),
  requirements jsonb not null check (jsonb_typeof(requirements) = 'object'),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  base_version integer,
  merged boolean not null default false,
  primary key (workspace, subsystem_name, version),
  foreign key (workspace, subsystem_name) references public.subsystems (workspace, name)
);

comment on table public.subsystem_requirements is
'What a subsystem is asked for, one row a version. Written by update_subsystem_requirements.';
comment on column public.subsystem_requirements.workspace is 'The design that this row belongs to.';
comment on column public.subsystem_requirements.version is '1, 2, 3, ... without gaps; earlier versions stay.';
comment on column public.subsystem_requirements.requirements is 'The document: a JSON object.';
comment on column public.subsystem_requirements.created_by is 'The agent that wrote this version.';
comment on column public.subsystem_requirements.base_version is
'The version that its writer started from, if it said so.';
comment on column public.subsystem_requirements.merged is
'Whether it was put together with what others had published since base_version.';

alter table public.subsystem_requirements enable row level security;
create policy subsystem_requirements_of_own_workspace on public.subsystem_requirements
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

create table public.subsystem_interfaces (
  workspace text not null,
  subsystem_name text not null,
  version integer not null default 1 check (version >= 1),
  interfaces jsonb not null check (jsonb_typeof(interfaces) = 'object'),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  base_version integer,
  merged boolean not null default false,
  primary key (workspace, subsystem_name, version),
  foreign key (workspace, subsystem_name) references public.subsystems (workspace, name)
);

comment on table public.subsystem_interfaces is
'What a subsystem publishes for the others, one row a version. Written by update_subsystem_interfaces and
checkin_subsystem.';
comment on column public.subsystem_interfaces.workspace is 'The design that this row belongs to.';
comment on column public.subsystem_interfaces.version is '1, 2, 3, ... without gaps; earlier versions stay.';
comment on column public.subsystem_interfaces.interfaces is 'The document: a JSON object.';
comment on column public.subsystem_interfaces.created_by is 'The agent that wrote this version.';
comment on column public.subsystem_interfaces.base_version is
'The version that its writer started from, if it said so.';
comment on column public.subsystem_interfaces.merged is
'Whether it was put together with what others had published since base_version.';

alter table public.subsystem_interfaces enable row level security;
create policy subsystem_interfaces_of_own_workspace on public.subsystem_interfaces
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

create table public.subsystem_designs (
  workspace text not null,
  subsystem_name text not null,
  version integer not null default 1 check (version >= 1),
  design_data jsonb not null check (jsonb_typeof(design_data) = 'object'),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  base_version integer,
  merged boolean not null default false,
  primary key (workspace, subsystem_name, version),
  foreign key (workspace, subsystem_name) references public.subsystems (workspace, name)
);

comment on table public.subsystem_designs is
'The design of a subsystem, one row a version. Written by update_subsystem_design and checkin_subsystem.';
comment on column public.subsystem_designs.workspace is 'The design that this row belongs to.';
comment on column public.subsystem_designs.version is '1, 2, 3, ... without gaps; earlier versions stay.';
comment on column public.subsystem_designs.design_data is 'The document: a JSON object.';
comment on column public.subsystem_designs.created_by is 'The agent that wrote this version.';
comment on column public.subsystem_designs.base_version is
'The version that its writer started from, if it said so.';
comment on column public.subsystem_designs.merged is
'Whether it was put together with what others had published since base_version.';

alter table public.subsystem_designs enable row level security;
create policy subsystem_designs_of_own_workspace on public.subsystem_designs
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- The versions of all three kinds of document in one shape. Read with the caller's rights, by system_status too.
create view core.documents
with (security_invoker = true) as
select
  d.workspace,
  'requirements' as document,
  d.subsystem_name as subsystem,
  d.version,
  d.requirements as content
from public.subsystem_requirements as d
union all
select
  d.workspace,
  'interfaces' as document,
  d.subsystem_name as subsystem,
  d.version,
  d.interfaces as content
from public.subsystem_interfaces as d
union all
select
  d.workspace,
  'design' as document,
  d.subsystem_name as subsystem,
  d.version,
  d.design_data as content
from public.subsystem_designs as d;

-- Conflicts: the JSON pointers of the parts that both sides changed differently.
create type core.document_merge as (document jsonb, conflicts text []);

create type public.document_change as (path text, change text, old jsonb, new jsonb);
comment on type public.document_change is
'One part that differs between two versions of a document: its JSON pointer (RFC 6901), added, removed or changed, and
its values.';

-- Which version of which document a subsystem has seen. A newer version makes it stale. What a checkout reads is kept
-- apart in read_version, under the token of its lease, until the check-in: if the agent dies before that, the work is
-- still made from seen_version.
create table public.document_dependencies (
  workspace text not null,
  subsystem text not null,
  on_subsystem text not null,
  document text not null check (document in ('requirements', 'interfaces', 'design')),
  seen_version integer not null check (seen_version >= 0),
  accepted_version integer check (accepted_version >= 0),
  read_version integer check (read_version >= 0),
  read_token bigint,
  recorded_by text not null,
  recorded_at timestamptz not null default clock_timestamp(),
  execution_id text,
  primary key (workspace, subsystem, on_subsystem, document),
  check (subsystem <> on_subsystem),
  check (num_nulls(read_version, read_token) <> 1)
);

comment on table public.document_dependencies is
'Which version of whose documents the work of a subsystem is made from. Written by checkout_subsystem,
checkin_subsystem, record_dependency and remove_dependency.';
comment on column public.document_dependencies.workspace is 'The design that this row belongs to.';
comment on column public.document_dependencies.subsystem is 'The subsystem that depends.';
comment on column public.document_dependencies.on_subsystem is 'The subsystem whose document it read.';
comment on column public.document_dependencies.document is 'requirements, interfaces or design.';
comment on column public.document_dependencies.seen_version is
'The version that the work is made from; 0: there was none yet.';
comment on column public.document_dependencies.accepted_version is
'A later version up to which a check-in accepted that the work was made from the one that was seen.';
comment on column public.document_dependencies.read_version is
'Another version, which a checkout has read: it counts as seen when the work is checked in. Null if there is none.';
comment on column public.document_dependencies.read_token is
'The fencing token of that checkout''s lease: only its check-in makes read_version count.';
comment on column public.document_dependencies.recorded_by is 'The agent that read seen_version first.';

-- A publication looks for the subsystems that it makes stale.
create index document_dependencies_on_idx on public.document_dependencies (workspace, on_subsystem, document);

alter table public.document_dependencies enable row level security;
create policy document_dependencies_of_own_workspace on public.document_dependencies
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- sql/40_documents/diff_documents.sql
-- A read with a core half, because it calls helpers that callers may not.
create or replace function core.diff_documents(
  p_subsystem text,
  p_document text,
  p_from_version integer,
  p_to_version integer
)
returns setof public.document_change
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_document(p_document);
  return query select * from core.compare_documents(
    core.require_document_version(v_workspace, p_document, p_subsystem, p_from_version),
    core.require_document_version(v_workspace, p_document, p_subsystem, p_to_version)
  );
end;
$$;

create or replace function public.diff_documents(
  subsystem text,
  document text,
  from_version integer,
  to_version integer
)
returns setof public.document_change
language sql
stable
set search_path = ''
as $$
  select * from core.diff_documents(subsystem, document, from_version, to_version);
$$;

comment on function public.diff_documents(text, text, integer, integer) is
'What differs between two versions of a subsystem''s document (requirements, interfaces or design), part by part, with
the JSON pointer of each. Version 0 is the empty document before the first. unknown_version if there is none of that
number.';

-- sql/40_documents/document_dependencies.sql
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

-- sql/40_documents/document_merging.sql
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

-- sql/40_documents/document_versions.sql
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

-- sql/40_documents/record_dependency.sql
create or replace function core.record_dependency(
  p_subsystem text,
  p_on_subsystem text,
  p_document text,
  p_version integer,
  p_agent_name text,
  p_execution_id text,
  p_request_id uuid
)
returns public.document_dependencies
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_version integer;
  v_row public.document_dependencies;
begin
  perform core.require_dependency(p_subsystem, p_on_subsystem, p_document);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  if p_version is not null then
    perform core.require_whole_number('version', to_jsonb(p_version), 0, 2147483647);
  end if;
  v_request := core.recall_request(
    v_workspace, p_request_id, 'record_dependency',
    jsonb_build_array(p_subsystem, p_on_subsystem, p_document, p_version, p_agent_name, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.document_dependencies, v_request.answer);
  end if;
  perform core.lock_publications(v_workspace, array[p_on_subsystem], false);
  v_version := coalesce(p_version, (
    select max(d.version) from core.documents as d
    where d.workspace = v_workspace and d.document = p_document and d.subsystem = p_on_subsystem
  ), 0);
  perform core.require_document_version(v_workspace, p_document, p_on_subsystem, v_version);
  insert into public.document_dependencies as d (
    workspace, subsystem, on_subsystem, document, seen_version, recorded_by, execution_id
  ) values (v_workspace, p_subsystem, p_on_subsystem, p_document, v_version, p_agent_name, p_execution_id)
  on conflict (workspace, subsystem, on_subsystem, document) do update set
    seen_version = excluded.seen_version,
    -- What was accepted stays accepted while the seen version is the same.
    accepted_version = case when d.seen_version = excluded.seen_version then d.accepted_version end,
    read_version = null,  -- this replaces what a checkout has read
    read_token = null,
    recorded_by = excluded.recorded_by,
    recorded_at = excluded.recorded_at,
    execution_id = excluded.execution_id
  returning d.* into v_row;
  perform core.write_activity(
    v_workspace, p_agent_name, 'dependency_recorded',
    jsonb_build_object(
      'subsystem', p_subsystem, 'on_subsystem', p_on_subsystem, 'document', p_document, 'version', v_version
    ),
    p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.record_dependency(
  subsystem text,
  on_subsystem text,
  document text,
  agent_name text,
  version integer default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.document_dependencies
language sql
set search_path = ''
as $$
  select core.record_dependency(subsystem, on_subsystem, document, version, agent_name, execution_id, request_id);
$$;

comment on function public.record_dependency(text, text, text, text, integer, text, uuid) is
'Notes that the work of a subsystem is made from a version (the latest, unless named) of another one''s requirements,
interfaces or design: from now on, and not only from the check-in, as with what checkout_subsystem reads. When a newer
version is published, the subsystem is stale: system_status.stale_inputs tells.';

-- sql/40_documents/remove_dependency.sql
create or replace function core.remove_dependency(
  p_subsystem text,
  p_on_subsystem text,
  p_document text,
  p_agent_name text,
  p_execution_id text,
  p_request_id uuid
)
returns setof public.document_dependencies
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_row public.document_dependencies;
begin
  perform core.require_dependency(p_subsystem, p_on_subsystem, p_document);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'remove_dependency',
    jsonb_build_array(p_subsystem, p_on_subsystem, p_document, p_agent_name, p_execution_id)
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.document_dependencies, v_request.answer);
    return;
  end if;
  delete from public.document_dependencies as d
  where d.workspace = v_workspace and d.subsystem = p_subsystem
    and d.on_subsystem = p_on_subsystem and d.document = p_document
  returning d.* into v_row;
  if not found then
    -- Remembered too: a repetition must not remove what was recorded since.
    perform core.remember_request(v_request, '[]');
    return;
  end if;
  perform core.write_activity(
    v_workspace, p_agent_name, 'dependency_removed',
    jsonb_build_object('subsystem', p_subsystem, 'on_subsystem', p_on_subsystem, 'document', p_document),
    p_execution_id
  );
  perform core.remember_request(v_request, jsonb_build_array(v_row));
  return next v_row;
end;
$$;

create or replace function public.remove_dependency(
  subsystem text,
  on_subsystem text,
  document text,
  agent_name text,
  execution_id text default null,
  request_id uuid default null
)
returns setof public.document_dependencies
language sql
rows 1
set search_path = ''
as $$
  select core.remove_dependency(subsystem, on_subsystem, document, agent_name, execution_id, request_id);
$$;

comment on function public.remove_dependency(text, text, text, text, text, uuid) is
'Notes that the work of a subsystem no longer builds on another one''s document: the row that was removed, or nothing
(an empty list).';

-- sql/40_documents/update_subsystem_design.sql
create or replace function core.update_subsystem_design(
  p_subsystem text,
  p_design_data jsonb,
  p_created_by text,
  p_base_version integer,
  p_fencing_token bigint,
  p_execution_id text,
  p_request_id uuid
)
returns public.subsystem_designs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_version integer;
  v_row public.subsystem_designs;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_object('design_data', p_design_data);
  perform core.require_agent('created_by', p_created_by);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'update_subsystem_design',
    jsonb_build_array(p_subsystem, p_design_data, p_created_by, p_base_version, p_fencing_token, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.subsystem_designs, v_request.answer);
  end if;
  perform core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token);
  v_version := core.write_document(
    v_workspace, 'design', p_subsystem, p_design_data, p_created_by, p_base_version, p_execution_id, true
  );
  select * into v_row from public.subsystem_designs as d
  where d.workspace = v_workspace and d.subsystem_name = p_subsystem and d.version = v_version;
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.update_subsystem_design(
  subsystem text,
  design_data jsonb,
  created_by text,
  base_version integer default null,
  fencing_token bigint default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.subsystem_designs
language sql
set search_path = ''
as $$
  select core.update_subsystem_design(
    subsystem, design_data, created_by, base_version, fencing_token, execution_id, request_id
  );
$$;

comment on function public.update_subsystem_design(text, jsonb, text, integer, bigint, text, uuid) is
'Publishes the next version of the design of a subsystem, which is made if unknown, and returns the row.

Send base_version, the version that it was made from (0: there was none). What others published since is merged with it,
part by part, and the row says `merged`; stale_version where both changed the same part. resource_locked while another
execution holds the lease of the subsystem; with a fencing_token, lease_lost unless that lease is still alive.';

-- sql/40_documents/update_subsystem_interfaces.sql
create or replace function core.update_subsystem_interfaces(
  p_subsystem text,
  p_interfaces jsonb,
  p_created_by text,
  p_base_version integer,
  p_fencing_token bigint,
  p_execution_id text,
  p_request_id uuid
)
returns public.subsystem_interfaces
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_version integer;
  v_row public.subsystem_interfaces;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_object('interfaces', p_interfaces);
  perform core.require_agent('created_by', p_created_by);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'update_subsystem_interfaces',
    jsonb_build_array(p_subsystem, p_interfaces, p_created_by, p_base_version, p_fencing_token, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.subsystem_interfaces, v_request.answer);
  end if;
  perform core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token);
  v_version := core.write_document(
    v_workspace, 'interfaces', p_subsystem, p_interfaces, p_created_by, p_base_version, p_execution_id, true
  );
  select * into v_row from public.subsystem_interfaces as d
  where d.workspace = v_workspace and d.subsystem_name = p_subsystem and d.version = v_version;
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.update_subsystem_interfaces(
  subsystem text,
  interfaces jsonb,
  created_by text,
  base_version integer default null,
  fencing_token bigint default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.subsystem_interfaces
language sql
set search_path = ''
as $$
  select core.update_subsystem_interfaces(
    subsystem, interfaces, created_by, base_version, fencing_token, execution_id, request_id
  );
$$;

comment on function public.update_subsystem_interfaces(text, jsonb, text, integer, bigint, text, uuid) is
'Publishes the next version of the interfaces of a subsystem, which is made if unknown, and returns the row.

Send base_version, the version that it was made from (0: there was none). What others published since is merged with it,
part by part, and the row says `merged`; stale_version where both changed the same part. resource_locked while another
execution holds the lease of the subsystem; with a fencing_token, lease_lost unless that lease is still alive.';

-- sql/40_documents/update_subsystem_requirements.sql
create or replace function core.update_subsystem_requirements(
  p_subsystem text,
  p_requirements jsonb,
  p_created_by text,
  p_base_version integer,
  p_fencing_token bigint,
  p_execution_id text,
  p_request_id uuid
)
returns public.subsystem_requirements
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_version integer;
  v_row public.subsystem_requirements;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_object('requirements', p_requirements);
  perform core.require_agent('created_by', p_created_by);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'update_subsystem_requirements',
    jsonb_build_array(p_subsystem, p_requirements, p_created_by, p_base_version, p_fencing_token, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.subsystem_requirements, v_request.answer);
  end if;
  -- Requirements come from outside, so another agent's lease does not stop them. A token is still checked.
  if p_fencing_token is null then
    perform core.lock_absent_subsystem(v_workspace, p_subsystem);
  else
    perform core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token);
  end if;
  v_version := core.write_document(
    v_workspace, 'requirements', p_subsystem, p_requirements, p_created_by, p_base_version, p_execution_id, true
  );
  select * into v_row from public.subsystem_requirements as d
  where d.workspace = v_workspace and d.subsystem_name = p_subsystem and d.version = v_version;
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.update_subsystem_requirements(
  subsystem text,
  requirements jsonb,
  created_by text,
  base_version integer default null,
  fencing_token bigint default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.subsystem_requirements
language sql
set search_path = ''
as $$
  select core.update_subsystem_requirements(
    subsystem, requirements, created_by, base_version, fencing_token, execution_id, request_id
  );
$$;

comment on function public.update_subsystem_requirements(text, jsonb, text, integer, bigint, text, uuid) is
'Publishes the next version of the requirements of a subsystem, which is made if unknown, and returns the row.

Send base_version, the version that it was made from (0: there was none). What others published since is merged with it,
part by part, and the row says `merged`; stale_version where both changed the same part. A lease held by somebody else
does not stop it, because requirements come from outside the subsystem; a fencing_token, if sent, must be alive
(lease_lost).';

-- sql/50_budgets/tables.sql
-- Functions check amounts and names: core.require_constraints, and the import.
create table public.global_constraints (
  workspace text not null references core.workspaces (name),
  version integer not null check (version >= 1),
  total_mass_kg_max numeric,
  total_cost_usd_max numeric,
  height_m numeric,
  voltage_v numeric,
  budget_allocations jsonb not null default '{}' check (jsonb_typeof(budget_allocations) = 'object'),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  base_version integer,
  merged boolean not null default false,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (workspace, version)
);

comment on table public.global_constraints is
'Limits of the whole design and the budget of each subsystem, one row a version; the highest is in force. Written by
update_global_constraints.';
comment on column public.global_constraints.workspace is 'The design that this row belongs to.';
comment on column public.global_constraints.version is '1, 2, 3, ... without gaps; earlier versions stay.';
comment on column public.global_constraints.total_mass_kg_max is
'Most mass of the whole design, in kg; null for no limit.';
comment on column public.global_constraints.total_cost_usd_max is
'Most cost of the whole design, in USD; null for no limit.';
comment on column public.global_constraints.budget_allocations is
'{"skeleton": {"mass_kg": 15, "cost_usd": 3000, "power_w": 0}, ..., "reserve": {...}}.';
comment on column public.global_constraints.metadata is 'Every key that is no column.';
comment on column public.global_constraints.base_version is
'The version that its writer started from, if it said so.';
comment on column public.global_constraints.merged is
'Whether it was put together with what others had published since base_version.';

alter table public.global_constraints enable row level security;
create policy global_constraints_of_own_workspace on public.global_constraints
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

create table public.budget_reservations (
  workspace text not null,
  reservation_id uuid not null default gen_random_uuid(),
  subsystem text not null,
  mass_kg numeric not null,
  cost_usd numeric not null,
  power_w numeric not null,
  agent_name text not null,
  execution_id text not null,
  reserved_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  locked_subsystem text,
  fencing_token bigint,
  primary key (workspace, subsystem, reservation_id),
  check ((locked_subsystem is null) = (fencing_token is null))
);

comment on table public.budget_reservations is
'Amounts held out of budgets for an execution. One whose expires_at has passed, or whose lease has ended, holds nothing
any more. Written by reserve_budget, release_budget and transfer_budget.';
comment on column public.budget_reservations.workspace is 'The design that this row belongs to.';
comment on column public.budget_reservations.subsystem is 'Whose budget it holds; or reserve.';
comment on column public.budget_reservations.execution_id is 'The execution that may use what is held.';
comment on column public.budget_reservations.expires_at is 'When it ends, by the database''s clock.';
comment on column public.budget_reservations.locked_subsystem is
'With fencing_token: the lease of which subsystem it is tied to; it ends with that.';

create index budget_reservations_reservation_id_idx on public.budget_reservations (workspace, reservation_id);

alter table public.budget_reservations enable row level security;
create policy budget_reservations_of_own_workspace on public.budget_reservations
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

create view core.live_reservations
with (security_invoker = true) as
select
  r.workspace,
  r.reservation_id,
  r.subsystem,
  r.mass_kg,
  r.cost_usd,
  r.power_w,
  r.agent_name,
  r.execution_id,
  r.reserved_at,
  r.expires_at,
  r.locked_subsystem,
  r.fencing_token
from public.budget_reservations as r
where
  r.expires_at > clock_timestamp()
  and (
    r.fencing_token is null
    or exists (
      select from public.agent_locks as l
      where
        l.workspace = r.workspace and l.resource_type = 'subsystem' and l.resource_name = r.locked_subsystem
        and l.fencing_token = r.fencing_token and l.expires_at > clock_timestamp()
    )
  );

comment on view core.live_reservations is
'Reservations that have not ended, by their own time or with the lease that they are tied to.';

-- Of each quantity: what is used, moved or reserved of it.
create type core.amounts as (mass_kg numeric, cost_usd numeric, power_w numeric);

-- overruns: of the subsystem's own allocation. is_within: of the shared budget too; null if nothing limits it.
create type core.verdict as (overruns jsonb, is_within boolean);

-- sql/50_budgets/amounts.sql
-- Amounts, and by how much they exceed a budget
--
-- A budget has the quantities mass_kg, cost_usd and power_w. What is used, reserved or moved has all three (the type
-- core.amounts). An allocation is the JSON object that users see, with any of the three. A quantity that is not in it
-- has no limit of its own; see shared_budget.sql.
--
-- Overruns are the same in errors, conflicts and the log: an object of the quantities that are exceeded, {} if none is.
-- `held` is what others have reserved, if they have:
--   {"mass_kg": {"allocated": 15, "used": 14, "held": 2, "over": 1}}
--
-- Nothing here takes a lock.

create or replace function core.overruns(
  p_allocation jsonb,
  p_used core.amounts,
  p_reserved core.amounts default null
)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_object_agg(
      q.name,
      jsonb_build_object(
        'allocated', q.allocated, 'used', q.used, 'over', trim_scale(q.used + q.reserved - q.allocated)
      ) || case when q.reserved > 0 then jsonb_build_object('held', q.reserved) else '{}' end
    ), '{}')
    from (
      values
      ('mass_kg', (p_allocation ->> 'mass_kg')::numeric, p_used.mass_kg, coalesce(p_reserved.mass_kg, 0)),
      ('cost_usd', (p_allocation ->> 'cost_usd')::numeric, p_used.cost_usd, coalesce(p_reserved.cost_usd, 0)),
      ('power_w', (p_allocation ->> 'power_w')::numeric, p_used.power_w, coalesce(p_reserved.power_w, 0))
    ) as q (name, allocated, used, reserved)
    where q.used + q.reserved > q.allocated
  );
end;
$$;

-- p_subject says whose budget it is: {"subsystem": "skeleton"}, or {"scope": "robot"}.
create or replace function core.fail_over_budget(p_subject jsonb, p_overruns jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'over_budget',
    p_subject || jsonb_build_object('overruns', p_overruns),
    'Use less, or have budget moved there: transfer_budget. budget_usage shows what is left where.'
  );
end;
$$;

-- Checks and rounds three amounts that are to be moved or reserved. At least one must be above 0.
create or replace function core.require_amounts(p_mass_kg numeric, p_cost_usd numeric, p_power_w numeric)
returns core.amounts
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_amounts core.amounts;
begin
  perform core.require_amount('mass_kg', to_jsonb(p_mass_kg));
  perform core.require_amount('cost_usd', to_jsonb(p_cost_usd));
  perform core.require_amount('power_w', to_jsonb(p_power_w));
  v_amounts := row(core.round_amount(p_mass_kg), core.round_amount(p_cost_usd), core.round_amount(p_power_w));
  if v_amounts.mass_kg + v_amounts.cost_usd + v_amounts.power_w = 0 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'mass_kg', 'reason', 'and cost_usd and power_w are all 0'),
      'Name at least one amount above 0.'
    );
  end if;
  return v_amounts;
end;
$$;

-- sql/50_budgets/budget_usage.sql
create view public.budget_usage
with (security_invoker = true) as
-- The latest version of each workspace, by one index lookup each: there are many versions, one for each transfer.
with recursive newest as (
  (
    select
      l.workspace,
      l::public.global_constraints as constraints
    from public.global_constraints as l
    order by l.workspace desc, l.version desc
    limit 1
  )
  union all
  select
    n.workspace,
    n.constraints
  from newest as p
  cross join lateral (
    select
      c.workspace,
      c::public.global_constraints as constraints
    from public.global_constraints as c
    where c.workspace < p.workspace
    order by c.workspace desc, c.version desc
    limit 1
  ) as n
),

lines as (
  select
    n.workspace,
    n.constraints,
    b.name,
    q.name as quantity,
    ((n.constraints).budget_allocations -> b.name ->> q.name)::numeric as allocated,
    coalesce(q.used, 0) as used,
    coalesce(q.held, 0) as held
  from newest as n
  inner join lateral (
    select jsonb_object_keys((n.constraints).budget_allocations) as name
    union
    select o.name from public.subsystems as o
    where o.workspace = n.workspace
  ) as b on true
  left join public.subsystems as s on n.workspace = s.workspace and b.name = s.name
  left join lateral (
    select
      sum(r.mass_kg) as mass_kg,
      sum(r.cost_usd) as cost_usd,
      sum(r.power_w) as power_w
    from core.live_reservations as r
    where r.workspace = n.workspace and r.subsystem = b.name
  ) as h on true
  cross join lateral (
    values
    ('mass_kg', s.current_mass_kg, h.mass_kg),
    ('cost_usd', s.current_cost_usd, h.cost_usd),
    ('power_w', s.current_power_w, h.power_w)
  ) as q (name, used, held)
),

budgets as (
  select
    l.workspace,
    case when l.name = 'reserve' then 'reserve' else 'subsystem' end as scope,
    l.name,
    l.quantity,
    l.allocated,
    l.used,
    l.held
  from lines as l
  union all
  select
    l.workspace,
    'robot' as scope,
    'robot' as name,
    l.quantity,
    case l.quantity
      when 'mass_kg' then max((l.constraints).total_mass_kg_max)
      when 'cost_usd' then max((l.constraints).total_cost_usd_max)
      else sum(l.allocated)
    end as allocated,
    sum(l.used) as used,
    sum(l.held) as held
  from lines as l
  group by l.workspace, l.quantity
)

select
  b.workspace,
  b.scope,
  b.name,
  b.quantity,
  b.allocated,
  b.used,
  b.held,
  b.allocated - b.used - b.held as remaining,
  round(b.used / nullif(b.allocated, 0), 4) as share
from budgets as b
where b.allocated is not null or b.used > 0
order by b.workspace, b.scope, b.name, b.quantity;

comment on view public.budget_usage is
'Mass, cost and power: how much is allocated to each subsystem (scope subsystem), to the reserve and to the whole robot,
how much of that is used and held by reservations, what remains, and the share that is used. Where nothing is allocated
allocated and remaining are null: the limit is then what the totals leave unallocated, for all such subsystems together.';

-- sql/50_budgets/constraints.sql
-- Constraints: the limits and budgets of a workspace, in versions
--
-- The version with the highest number is in force. core.write_constraints publishes the next one, for
-- update_global_constraints, transfer_budget, and the defaults of a new workspace. An import brings its own versions.
--
-- Invariants:
-- - Versions are 1, 2, 3, ... without gaps, except after a restore. 0 stands for the time before the first: no limit
--   and no budget.
-- - What agents allocate does not exceed the totals. No allocation is lowered below what is used and reserved of it.
-- - A change updates within_budget and the conflicts of all subsystems that it concerns, in its transaction.
--
-- Lock order: the workspace's row (core.lock_constraints), under which versions are given; then the rows of all
-- subsystems whose budget changes. A status holds its subsystem's row, and reads the constraints after that. So the
-- later of the two sees what the earlier one did: under READ COMMITTED each statement has a new snapshot.

-- The version in force, or version 0.
create or replace function core.latest_constraints(p_workspace text)
returns public.global_constraints
language plpgsql
stable
set search_path = ''
as $$
declare
  v_row public.global_constraints;
begin
  select * into v_row from public.global_constraints as g
  where g.workspace = p_workspace
  order by g.version desc
  limit 1;
  if not found then
    v_row.workspace := p_workspace;
    v_row.version := 0;
    v_row.budget_allocations := '{}';
    v_row.metadata := '{}';
  end if;
  return v_row;
end;
$$;

-- The part of a version that its writer decides, as one document.
create or replace function core.constraints_content(p_row public.global_constraints)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return to_jsonb(p_row)
    - array['workspace', 'version', 'base_version', 'merged', 'created_by', 'created_at'];
end;
$$;

-- The content of one version; null if there is no such version.
create or replace function core.constraints_of_version(p_workspace text, p_version integer)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_version = 0 then
    return core.constraints_content(jsonb_populate_record(
      null::public.global_constraints, '{"budget_allocations": {}, "metadata": {}}'
    ));
  end if;
  return (
    select core.constraints_content(g) from public.global_constraints as g
    where g.workspace = p_workspace and g.version = p_version
  );
end;
$$;

-- Checks constraints as they were sent: amounts are numbers, allocations are objects of amounts.
create or replace function core.require_constraints(p_argument text, p_constraints jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_key text;
  v_allocation record;
begin
  perform core.require_patch(p_argument, p_constraints);
  foreach v_key in array array['total_mass_kg_max', 'total_cost_usd_max', 'height_m', 'voltage_v'] loop
    if jsonb_typeof(p_constraints -> v_key) <> 'null' then
      perform core.require_amount(p_argument || '.' || v_key, p_constraints -> v_key);
    end if;
  end loop;
  if not p_constraints ? 'budget_allocations' then
    return true;
  end if;
  perform core.require_object(p_argument || '.budget_allocations', p_constraints -> 'budget_allocations');
  for v_allocation in select * from jsonb_each(p_constraints -> 'budget_allocations') loop
    perform core.require_name(p_argument || '.budget_allocations', v_allocation.key);
    perform core.require_object(p_argument || '.budget_allocations.' || v_allocation.key, v_allocation.value);
    foreach v_key in array array['mass_kg', 'cost_usd', 'power_w'] loop
      if v_allocation.value ? v_key then
        perform core.require_amount(
          format('%s.budget_allocations.%s.%s', p_argument, v_allocation.key, v_key), v_allocation.value -> v_key
        );
      end if;
    end loop;
  end loop;
  return true;
end;
$$;

-- Publishes p_next as the version after p_latest. The caller holds the workspace's row, and has set the content of
-- p_next.
--
-- It first locks the rows of all subsystems whose budget changes. So a status that is written at the same time is
-- either seen here, or sees the new budgets.
create or replace function core.write_constraints(
  p_latest public.global_constraints,
  p_next public.global_constraints,
  p_created_by text,
  p_base_version integer,
  p_execution_id text
)
returns public.global_constraints
language plpgsql
set search_path = ''
as $$
declare
  v_is_budget_changed constant boolean := (
    p_next.budget_allocations, p_next.total_mass_kg_max, p_next.total_cost_usd_max
  ) is distinct from (p_latest.budget_allocations, p_latest.total_mass_kg_max, p_latest.total_cost_usd_max);
  v_reallocated text[];
  v_concerned text[];
begin
  -- An imported design may exceed its totals. It may still change something else, such as its height.
  if v_is_budget_changed then
    perform core.require_fitting_allocations(p_next);
    v_reallocated := array(
      select coalesce(o.key, n.key)
      from jsonb_each(p_latest.budget_allocations) as o
      full join jsonb_each(p_next.budget_allocations) as n on o.key = n.key
      where o.value is distinct from n.value
    );
    -- Further all who use the shared budget; and if a total was set or taken away, all subsystems.
    v_concerned := v_reallocated || array(
      select u.subsystem from core.shared_use(p_latest) as u
      union
      select u.subsystem from core.shared_use(p_next) as u
      union
      select s.name from public.subsystems as s
      where s.workspace = p_latest.workspace
        and (p_latest.total_mass_kg_max is null, p_latest.total_cost_usd_max is null)
          <> (p_next.total_mass_kg_max is null, p_next.total_cost_usd_max is null)
    );
    perform core.lock_subsystems(p_latest.workspace, v_concerned);
    perform core.require_reserved(p_latest, p_next, v_reallocated);
  end if;
  p_next.version := p_latest.version + 1;
  if p_latest.version = 0 then  -- the first is 1, or after a restore one that was never given
    select w.last_lost_version + 1 into p_next.version from core.workspaces as w where w.name = p_latest.workspace;
  end if;
  p_next.base_version := p_base_version;
  p_next.merged := coalesce(p_base_version <> p_latest.version, false);
  p_next.created_by := p_created_by;
  p_next.created_at := clock_timestamp();
  insert into public.global_constraints select p_next.*;
  if v_is_budget_changed then
    perform core.judge_budgets(p_next, v_concerned, core.shared_overruns(p_next), true, p_execution_id);
  end if;
  return p_next;
end;
$$;

-- The allocations of all subsystems and of the reserve together must not exceed the totals.
create or replace function core.require_fitting_allocations(p_constraints public.global_constraints)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_allocated core.amounts;
  v_overruns jsonb;
begin
  select coalesce(sum((a.value ->> 'mass_kg')::numeric), 0), coalesce(sum((a.value ->> 'cost_usd')::numeric), 0)
  into v_allocated.mass_kg, v_allocated.cost_usd
  from jsonb_each(p_constraints.budget_allocations) as a;
  v_overruns := core.overruns(
    jsonb_build_object(
      'mass_kg', p_constraints.total_mass_kg_max, 'cost_usd', p_constraints.total_cost_usd_max
    ),
    v_allocated
  );
  if v_overruns <> '{}' then
    perform core.fail_over_budget('{"scope": "robot"}', v_overruns);
  end if;
  return true;
end;
$$;

-- No allocation is lowered below what is used and reserved of it. All reservations count: what a transfer moves out of
-- reservations of its own execution was taken from them before. The caller holds the rows of the workspace and of these
-- subsystems.
create or replace function core.require_reserved(
  p_latest public.global_constraints,
  p_next public.global_constraints,
  p_names text[]
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_name text;
  v_used core.amounts;
  v_old jsonb;
  v_overruns jsonb;
begin
  foreach v_name in array p_names loop
    select s.current_mass_kg, s.current_cost_usd, s.current_power_w into v_used
    from public.subsystems as s
    where s.workspace = p_latest.workspace and s.name = v_name;
    v_old := p_latest.budget_allocations -> v_name;
    -- An allocation that is taken away counts as lowered to 0; a quantity that never had one has no limit here.
    select jsonb_object_agg(o.key, o.value) into v_overruns
    from jsonb_each(core.overruns(
      (select jsonb_object_agg(a.key, 0) from jsonb_each(v_old) as a)
      || coalesce(p_next.budget_allocations -> v_name, '{}'),
      row(coalesce(v_used.mass_kg, 0), coalesce(v_used.cost_usd, 0), coalesce(v_used.power_w, 0))::core.amounts,
      core.reserved_amounts(p_latest.workspace, v_name, null)
    )) as o
    where o.value ? 'held' and (o.value ->> 'allocated')::numeric < (v_old ->> o.key)::numeric;
    if v_overruns is not null then
      perform core.fail_over_budget(jsonb_build_object('subsystem', v_name), v_overruns);
    end if;
  end loop;
  return true;
end;
$$;

-- sql/50_budgets/diff_global_constraints.sql
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

-- sql/50_budgets/overrun_conflicts.sql
-- Conflicts about overruns, which the database opens and resolves by itself
--
-- Invariants, at each commit, except for what an import brought and no write has judged since:
-- - Each subsystem that is over its allocation has exactly one open conflict with the key sharedstate:budget. While the
--   shared budget is exceeded, the robot has exactly one with the key sharedstate:totals. No others are open.
-- - The conflict is updated when its overrun changes, which does not count as another report. If an agent resolves it
--   while the overrun lasts, the next one is opened.
--
-- Lock order: a report locks the conflict counter, then the conflict's row; the end of an overrun locks the row alone.
-- So core.judge_budgets does the reports first.

-- Opens, updates or resolves the conflict about a subsystem's budget; for null the one about the shared budget. The two
-- have different keys, because a subsystem may be named robot.
create or replace function core.watch_overruns(
  p_constraints public.global_constraints,
  p_subsystem text,
  p_overruns jsonb,
  p_execution_id text
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_source constant text := coalesce(p_subsystem, 'robot');
  v_key constant text := 'sharedstate:' || case when p_subsystem is null then 'totals' else 'budget' end;
  v_conflict_id bigint;
  v_told text;
  v_users text[];
begin
  if p_overruns = '{}' then
    select o.conflict_id into v_conflict_id
    from core.find_open_conflict(p_constraints.workspace, v_source, 'system_architect', v_key) as o;
    if found then
      perform core.settle_conflict(
        p_constraints.workspace, v_conflict_id,
        case
          when p_subsystem is null then 'The robot is within its totals again.'
          else p_subsystem || ' is within its budget again.'
        end, 'sharedstate', p_execution_id
      );
    end if;
    return true;
  end if;
  -- "cost_usd 3100 of 3000, mass_kg 16 of 15"
  select string_agg(format(
    '%s %s of %s', o.key, trim_scale((o.value ->> 'used')::numeric), trim_scale((o.value ->> 'allocated')::numeric)
  ), ', ' order by o.key) into v_told
  from jsonb_each(p_overruns) as o;
  if p_subsystem is null then
    v_users := array(
      select distinct u.subsystem from core.shared_use(p_constraints) as u
      where p_overruns ? u.quantity
      order by u.subsystem
    );
    v_told := format(
      'More is used without an allocation than the totals leave: %s (%s)', v_told,
      case when cardinality(v_users) > 5 then cardinality(v_users) || ' subsystems' else array_to_string(v_users, ', ') end
    );
  else
    v_told := format('%s is over its budget: %s', p_subsystem, v_told);
  end if;
  perform core.report_conflict(
    p_constraints.workspace, 'high', 2, v_source, 'system_architect', v_key, v_told,
    jsonb_build_object('overruns', p_overruns) || case
      when p_subsystem is null then jsonb_build_object('scope', 'robot', 'subsystems', v_users)
      else jsonb_build_object('subsystem', p_subsystem)
    end, '{}', p_execution_id, false
  );
  return true;
end;
$$;

-- sql/50_budgets/release_budget.sql
create or replace function core.release_budget(p_reservation_id uuid, p_execution_id text, p_request_id uuid)
returns setof public.budget_reservations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_rows public.budget_reservations[];
begin
  perform core.require_present('reservation_id', to_jsonb(p_reservation_id));
  perform core.require_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'release_budget', jsonb_build_array(p_reservation_id, p_execution_id)
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.budget_reservations, v_request.answer);
    return;
  end if;
  v_rows := core.end_reservations(v_workspace, array(
    select r.reservation_id from core.live_reservations as r
    where r.workspace = v_workspace and r.reservation_id = p_reservation_id and r.execution_id = p_execution_id
      and r.agent_name = coalesce(core.claimed_agent(), r.agent_name)
  ));
  perform core.remember_request(v_request, to_jsonb(v_rows));
  return query select * from unnest(v_rows);
end;
$$;

create or replace function public.release_budget(
  reservation_id uuid,
  execution_id text,
  request_id uuid default null
)
returns setof public.budget_reservations
language sql
rows 1
set search_path = ''
as $$
  select core.release_budget(reservation_id, execution_id, request_id);
$$;

comment on function public.release_budget(uuid, text, uuid) is
'Gives back what a reservation holds: its row, or nothing (an empty list) if it has ended or is not of this execution.';

-- sql/50_budgets/reservations.sql
-- Reservations: amounts that are kept for an execution before it uses or moves them
--
-- A reservation ends when it expires, or with the lease that it is tied to. The view core.live_reservations
-- (tables.sql) has those that have not ended. To other executions a live reservation counts as used. What its own
-- execution uses or moves is taken from it. Users see reserved amounts as `held`.
--
-- Invariants:
-- - Used and reserved together stay within the allocation, unless a status that is not strict takes more. The log tells
--   of that (budget_hold_overrun).
-- - Before a decision is made by the live ones, the ended ones are deleted. So none can become live again after others
--   have got its amounts.
-- - Everybody can read execution ids. So a token with the claim `agent` may use the reservations of that agent alone.
--
-- Lock order: the caller holds the row of the subsystem, or for the reserve that of the workspace; then reservations.

-- What is reserved of a subsystem's budget, or of the reserve, by other executions than p_but_execution_id. Deletes
-- ended reservations first: a lease that is renewed at this moment must not make one live again.
create or replace function core.reserved_amounts(p_workspace text, p_subsystem text, p_but_execution_id text)
returns core.amounts
language plpgsql
set search_path = ''
as $$
declare
  v_reserved core.amounts := row(0, 0, 0);
begin
  if not exists (
    select from public.budget_reservations as r where r.workspace = p_workspace and r.subsystem = p_subsystem
  ) then
    return v_reserved;
  end if;
  delete from public.budget_reservations as r
  where r.workspace = p_workspace and r.subsystem = p_subsystem and not exists (
    select from core.live_reservations as l
    where l.workspace = r.workspace and l.subsystem = r.subsystem and l.reservation_id = r.reservation_id
  );
  select coalesce(sum(r.mass_kg), 0), coalesce(sum(r.cost_usd), 0), coalesce(sum(r.power_w), 0) into v_reserved
  from core.live_reservations as r
  where r.workspace = p_workspace and r.subsystem = p_subsystem
    and (
      r.execution_id = p_but_execution_id and r.agent_name = coalesce(core.claimed_agent(), r.agent_name)
    ) is not true;
  return v_reserved;
end;
$$;

-- Takes p_spent out of a budget. p_used is what is used of it then, or moved out of it. Only a status that is not
-- strict may take what others have reserved. While it keeps to the allocation that opens no conflict, but the others
-- will miss it: so the log tells of it, each time that more is taken.
--
-- What an execution takes comes out of its own reservations of that budget, the oldest first. Else it would be counted
-- twice, as used and as reserved. Amounts of 0 or less take nothing.
create or replace function core.charge_budget(
  p_workspace text,
  p_subsystem text,
  p_allocation jsonb,
  p_used core.amounts,
  p_spent core.amounts,
  p_execution_id text,
  p_strict boolean
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_overruns jsonb := core.overruns(
    p_allocation, p_used, core.reserved_amounts(p_workspace, p_subsystem, p_execution_id)
  );
begin
  if p_strict and v_overruns <> '{}' then
    perform core.fail_over_budget(jsonb_build_object('subsystem', p_subsystem), v_overruns);
  end if;
  if greatest(p_spent.mass_kg, p_spent.cost_usd, p_spent.power_w) <= 0 then
    return false;
  end if;
  select jsonb_object_agg(o.key, o.value) into v_overruns
  from jsonb_each(v_overruns) as o
  where o.value ? 'held' and (to_jsonb(p_spent) ->> o.key)::numeric > 0;
  if v_overruns is not null then
    perform core.write_activity(
      p_workspace, 'sharedstate', 'budget_hold_overrun',
      jsonb_build_object('subsystem', p_subsystem, 'overruns', v_overruns), p_execution_id
    );
  end if;
  -- `upto`: the sum of this reservation and all older ones.
  update public.budget_reservations as r
  set
    mass_kg = least(greatest(o.upto_mass_kg - p_spent.mass_kg, 0), r.mass_kg),
    cost_usd = least(greatest(o.upto_cost_usd - p_spent.cost_usd, 0), r.cost_usd),
    power_w = least(greatest(o.upto_power_w - p_spent.power_w, 0), r.power_w)
  from (
    select
      l.reservation_id, sum(l.mass_kg) over older as upto_mass_kg, sum(l.cost_usd) over older as upto_cost_usd,
      sum(l.power_w) over older as upto_power_w
    from core.live_reservations as l
    where l.workspace = p_workspace and l.subsystem = p_subsystem
      and l.execution_id = p_execution_id and l.agent_name = coalesce(core.claimed_agent(), l.agent_name)
    window older as (order by l.reserved_at, l.reservation_id)
  ) as o
  where r.workspace = p_workspace and r.subsystem = p_subsystem and r.reservation_id = o.reservation_id;
  delete from public.budget_reservations as r
  where r.workspace = p_workspace and r.subsystem = p_subsystem and r.mass_kg + r.cost_usd + r.power_w = 0;
  return true;
end;
$$;

-- Gives these reservations back, as far as they are still there, logs it and returns them.
create or replace function core.end_reservations(p_workspace text, p_reservation_ids uuid[])
returns public.budget_reservations[]
language plpgsql
set search_path = ''
as $$
declare
  v_row public.budget_reservations;
  v_rows public.budget_reservations[] := array[]::public.budget_reservations[];
begin
  for v_row in
    delete from public.budget_reservations as r
    where r.workspace = p_workspace and r.reservation_id = any(p_reservation_ids)
    returning r.*
  loop
    perform core.write_activity(
      p_workspace, v_row.agent_name, 'budget_released',
      jsonb_build_object('subsystem', v_row.subsystem, 'reservation_id', v_row.reservation_id),
      v_row.execution_id
    );
    v_rows := v_rows || v_row;
  end loop;
  return v_rows;
end;
$$;

-- Budget can be reserved of, moved from and moved to: names with an allocation, known subsystems, and the reserve.
create or replace function core.require_budget_name(
  p_workspace text,
  p_argument text,
  p_name text,
  p_allocations jsonb
)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_name <> 'reserve' and not p_allocations ? p_name and not exists (
    select from public.subsystems as s where s.workspace = p_workspace and s.name = p_name
  ) then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is no known subsystem', 'value', p_name),
      'Name a subsystem, or reserve.'
    );
  end if;
  return true;
end;
$$;

-- sql/50_budgets/reserve_budget.sql
-- Writes a reservation and returns it; nulls if not all of it remains. It locks the rows of the workspace and of the
-- subsystem: so no change of constraints, no status and no other reservation can come between. The reserve has no row,
-- unless somebody made a subsystem of that name.
create or replace function core.write_reservation(p_wanted public.budget_reservations, p_ttl_seconds integer)
returns public.budget_reservations
language plpgsql
set search_path = ''
as $$
declare
  v_latest constant public.global_constraints := core.lock_constraints(p_wanted.workspace);
  v_allocation constant jsonb := v_latest.budget_allocations -> p_wanted.subsystem;
  v_used public.subsystems;
  v_reserved core.amounts;
begin
  perform core.require_budget_name(p_wanted.workspace, 'subsystem', p_wanted.subsystem, v_latest.budget_allocations);
  if p_wanted.subsystem <> 'reserve' then
    v_used := core.lock_subsystem(p_wanted.workspace, p_wanted.subsystem);
  else
    select * into v_used from public.subsystems as s
    where s.workspace = p_wanted.workspace and s.name = p_wanted.subsystem
    for no key update;
  end if;
  if p_wanted.fencing_token is not null and not exists (
    select from public.agent_locks as l
    where l.workspace = p_wanted.workspace and l.resource_type = 'subsystem'
      and l.resource_name = p_wanted.locked_subsystem and l.fencing_token = p_wanted.fencing_token
      and l.expires_at > clock_timestamp()
  ) then
    perform core.fail_lease_lost(
      'subsystem', p_wanted.locked_subsystem, p_wanted.fencing_token, null::public.agent_locks
    );
  end if;
  v_reserved := core.reserved_amounts(p_wanted.workspace, p_wanted.subsystem, null);
  -- Only the wanted quantities must remain: a subsystem that is over its cost may still have mass left.
  perform from (
    values
    ('mass_kg', p_wanted.mass_kg, v_used.current_mass_kg, v_reserved.mass_kg),
    ('cost_usd', p_wanted.cost_usd, v_used.current_cost_usd, v_reserved.cost_usd),
    ('power_w', p_wanted.power_w, v_used.current_power_w, v_reserved.power_w)
  ) as q (name, wanted, used, reserved)
  where q.wanted > 0
    and q.wanted + coalesce(q.used, 0) + q.reserved > coalesce((v_allocation ->> q.name)::numeric, 0);
  if found then
    return null;
  end if;
  p_wanted.reserved_at := clock_timestamp();
  p_wanted.expires_at := p_wanted.reserved_at + make_interval(secs => p_ttl_seconds);
  insert into public.budget_reservations as r select p_wanted.*
  returning r.* into p_wanted;
  return p_wanted;
end;
$$;

create or replace function core.reserve_budget(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_mass_kg numeric,
  p_cost_usd numeric,
  p_power_w numeric,
  p_ttl_seconds integer,
  p_fencing_token bigint,
  p_locked_subsystem text,
  p_request_id uuid
)
returns setof public.budget_reservations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_amounts core.amounts;
  v_request core.request;
  v_row public.budget_reservations;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_name('execution_id', p_execution_id);
  perform core.require_optional_name('locked_subsystem', p_locked_subsystem);
  v_amounts := core.require_amounts(p_mass_kg, p_cost_usd, p_power_w);
  perform core.require_whole_number('ttl_seconds', to_jsonb(p_ttl_seconds), 1, 86400);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'reserve_budget',
    jsonb_build_array(
      p_subsystem, p_agent_name, p_execution_id, v_amounts, p_ttl_seconds, p_fencing_token, p_locked_subsystem
    )
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.budget_reservations, v_request.answer);
    return;
  end if;
  v_row.workspace := v_workspace;
  v_row.reservation_id := gen_random_uuid();
  v_row.subsystem := p_subsystem;
  v_row.mass_kg := v_amounts.mass_kg;
  v_row.cost_usd := v_amounts.cost_usd;
  v_row.power_w := v_amounts.power_w;
  v_row.agent_name := p_agent_name;
  v_row.execution_id := p_execution_id;
  v_row.fencing_token := p_fencing_token;
  v_row.locked_subsystem := case when p_fencing_token is not null then coalesce(p_locked_subsystem, p_subsystem) end;
  v_row := core.write_reservation(v_row, p_ttl_seconds);
  if v_row.reservation_id is null then
    perform core.remember_request(v_request, '[]');
    return;
  end if;
  perform core.write_activity(
    v_workspace, p_agent_name, 'budget_reserved',
    to_jsonb(v_amounts) || jsonb_build_object('subsystem', p_subsystem, 'reservation_id', v_row.reservation_id),
    p_execution_id
  );
  perform core.remember_request(v_request, jsonb_build_array(v_row));
  return next v_row;
end;
$$;

create or replace function public.reserve_budget(
  subsystem text,
  agent_name text,
  execution_id text,
  mass_kg numeric default 0,
  cost_usd numeric default 0,
  power_w numeric default 0,
  ttl_seconds integer default 300,
  fencing_token bigint default null,
  locked_subsystem text default null,
  request_id uuid default null
)
returns setof public.budget_reservations
language sql
rows 1
set search_path = ''
as $$
  select core.reserve_budget(
    subsystem, agent_name, execution_id, mass_kg, cost_usd, power_w, ttl_seconds, fencing_token, locked_subsystem,
    request_id
  );
$$;

comment on function public.reserve_budget(
  text, text, text, numeric, numeric, numeric, integer, bigint, text, uuid
) is
'Holds amounts of what remains of a subsystem''s budget, or of the reserve, for an execution: its row, or an empty list
if not all of it remains. Two that race for the last 2 kg cannot both win.

It ends after ttl_seconds (1 to 86400), by release_budget, or when the same execution has used or moved that much more
of this budget; with a fencing_token also when that lease (of locked_subsystem, by default of subsystem) ends. lease_lost
if that has ended already.';

-- sql/50_budgets/shared_budget.sql
-- The shared budget: what is not allocated
--
-- A total minus all allocations of a quantity, the reserve's included, is shared. All subsystems without an allocation
-- of that quantity may use it together. One rule keeps them within it:
--
--   A status with such an amount locks the workspace's row before all else. So these statuses come one after the other,
--   and each sees what the others use.
--
-- A status whose amounts are all allocated to its subsystem does not lock the row. It must stay of that kind until it
-- commits. So each status with a mass or a cost first shares an advisory lock, the workspace's `allocations`. A change
-- that may take an allocation away, or set a total where there was none, has that lock alone (core.lock_constraints).
-- It is advisory because Postgres grants a shared row lock even if somebody waits for the whole row: a change of limits
-- might wait for ever.
--
-- Invariant: while the workspace's row is locked, no amount in core.shared_use changes.
--
-- Lock order: request id, `allocations`, the workspace's row, then all else. A status that holds the workspace's row
-- may lock other subsystems' rows after its own, out of their order.

-- First step of a status: takes the locks that the rule above asks for. True if it locked the workspace's row.
create or replace function core.lock_shared_budget(p_workspace text, p_subsystem text, p_status jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if not p_status ?| array['current_mass_kg', 'current_cost_usd'] then
    return false;
  end if;
  perform pg_advisory_xact_lock_shared(hashtextextended('allocations/' || p_workspace, 0));
  if exists (select from public.subsystems as s where s.workspace = p_workspace and s.name = p_subsystem)
    and not p_status ?| core.shared_amounts(core.latest_constraints(p_workspace), p_subsystem) then
    return false;
  end if;
  -- Also for a new subsystem: core.lock_absent_subsystem would share the row, and an upgrade later could deadlock.
  perform from core.workspaces as w where w.name = p_workspace for no key update;
  return true;
end;
$$;

-- Locks the workspace's row, under which constraint versions are given, and returns the version in force.
-- p_sets_limits: the caller may take an allocation away, or set a total where there was none.
create or replace function core.lock_constraints(p_workspace text, p_sets_limits boolean default false)
returns public.global_constraints
language plpgsql
set search_path = ''
as $$
begin
  if p_sets_limits then
    perform pg_advisory_xact_lock(hashtextextended('allocations/' || p_workspace, 0));
  end if;
  perform from core.workspaces as w where w.name = p_workspace for no key update;
  return core.latest_constraints(p_workspace);
end;
$$;

-- Which amounts of a subsystem's status come out of the shared budget, by their keys in a status: those that have a
-- total, and no allocation.
create or replace function core.shared_amounts(p_constraints public.global_constraints, p_subsystem text)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_allocation constant jsonb := coalesce(p_constraints.budget_allocations -> p_subsystem, '{}');
begin
  return array_remove(array[
    case when p_constraints.total_mass_kg_max is not null and not v_allocation ? 'mass_kg' then 'current_mass_kg' end,
    case when p_constraints.total_cost_usd_max is not null and not v_allocation ? 'cost_usd' then 'current_cost_usd' end
  ], null);
end;
$$;

-- Which subsystems use how much of the shared budget. The rule of core.shared_amounts is repeated here, because to call
-- that for each row would take most of the time.
create or replace function core.shared_use(p_constraints public.global_constraints)
returns table (subsystem text, quantity text, amount numeric)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select s.name, q.name, q.amount
  from public.subsystems as s
  cross join lateral (
    values
    ('mass_kg', p_constraints.total_mass_kg_max, s.current_mass_kg),
    ('cost_usd', p_constraints.total_cost_usd_max, s.current_cost_usd)
  ) as q (name, total, amount)
  where s.workspace = p_constraints.workspace and q.total is not null and q.amount > 0
    and not coalesce(p_constraints.budget_allocations -> s.name ? q.name, false);
end;
$$;

-- By how much the shared budget is exceeded, in the form of core.overruns; with p_more: if that was used too.
-- `allocated` is what the totals leave, at least 0: an imported design may allocate more than its totals.
create or replace function core.shared_overruns(
  p_constraints public.global_constraints,
  p_more core.amounts default null
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_used core.amounts;
  v_allocated core.amounts;
begin
  select
    coalesce(sum(u.amount) filter (where u.quantity = 'mass_kg'), 0) + coalesce(p_more.mass_kg, 0),
    coalesce(sum(u.amount) filter (where u.quantity = 'cost_usd'), 0) + coalesce(p_more.cost_usd, 0)
  into v_used.mass_kg, v_used.cost_usd
  from core.shared_use(p_constraints) as u;
  if v_used.mass_kg + v_used.cost_usd = 0 then
    return '{}'::jsonb;
  end if;
  select coalesce(sum((b.value ->> 'mass_kg')::numeric), 0), coalesce(sum((b.value ->> 'cost_usd')::numeric), 0)
  into v_allocated.mass_kg, v_allocated.cost_usd
  from jsonb_each(p_constraints.budget_allocations) as b;
  -- A quantity without a total has no shared budget, and core.shared_use leaves it out.
  return core.overruns(
    jsonb_build_object(
      'mass_kg', greatest(trim_scale(p_constraints.total_mass_kg_max - v_allocated.mass_kg), 0),
      'cost_usd', greatest(trim_scale(p_constraints.total_cost_usd_max - v_allocated.cost_usd), 0)
    ),
    v_used
  );
end;
$$;

-- sql/50_budgets/transfer_budget.sql
-- Moves a part of one budget to another and returns the new constraints. Never more than there is, and nothing that
-- other executions have reserved. What this execution has reserved of the first budget is used up before; a reservation
-- that is named is deleted. Locks the rows of the workspace and of both subsystems.
--
-- A quantity that was not allocated to the second starts at what that uses of it, as far as the totals leave it. Else a
-- gift of 1 kg would turn "no limit" into a limit of 1 kg, and so into an overrun.
create or replace function core.move_budget(
  p_workspace text,
  p_from text,
  p_to text,
  p_amounts core.amounts,
  p_reason text,
  p_agent_name text,
  p_execution_id text,
  p_reservation_id uuid
)
returns public.global_constraints
language plpgsql
set search_path = ''
as $$
declare
  v_latest constant public.global_constraints := core.lock_constraints(p_workspace);
  v_next public.global_constraints := v_latest;
  v_from jsonb := coalesce(v_latest.budget_allocations -> p_from, '{}');
  v_to jsonb := coalesce(v_latest.budget_allocations -> p_to, '{}');
  v_named public.budget_reservations;
  v_user public.subsystems;
  v_shared_overruns jsonb;
begin
  perform core.require_budget_name(p_workspace, 'from_subsystem', p_from, v_latest.budget_allocations);
  perform core.require_budget_name(p_workspace, 'to_subsystem', p_to, v_latest.budget_allocations);
  perform core.lock_subsystems(p_workspace, array[p_from, p_to]);
  if p_reservation_id is not null then
    delete from core.live_reservations as r
    where r.workspace = p_workspace and r.reservation_id = p_reservation_id and r.execution_id = p_execution_id
      and r.agent_name = coalesce(core.claimed_agent(), r.agent_name)
    returning r.* into v_named;
    if v_named.subsystem is distinct from p_from then
      perform core.fail(
        'reservation_lost',
        jsonb_build_object('reservation_id', p_reservation_id, 'subsystem', p_from),
        'It has ended, or is not of this execution: reserve the budget again.'
      );
    end if;
  end if;
  -- A quantity without an allocation counts as 0: it cannot be given away.
  perform core.charge_budget(
    p_workspace, p_from, '{"mass_kg": 0, "cost_usd": 0, "power_w": 0}' || v_from, p_amounts,
    row(
      p_amounts.mass_kg - coalesce(v_named.mass_kg, 0), p_amounts.cost_usd - coalesce(v_named.cost_usd, 0),
      p_amounts.power_w - coalesce(v_named.power_w, 0)
    )::core.amounts,
    p_execution_id, true
  );
  v_shared_overruns := core.shared_overruns(v_latest);
  select * into v_user from public.subsystems as s where s.workspace = p_workspace and s.name = p_to;
  select
    v_from || jsonb_object_agg(q.name, (v_from ->> q.name)::numeric - q.amount),
    v_to || jsonb_object_agg(q.name, q.amount + coalesce(
      (v_to ->> q.name)::numeric,
      greatest(coalesce(q.used, 0) - coalesce((v_shared_overruns -> q.name ->> 'over')::numeric, 0), 0)
    ))
  into v_from, v_to
  from (
    values
    ('mass_kg', p_amounts.mass_kg, v_user.current_mass_kg),
    ('cost_usd', p_amounts.cost_usd, v_user.current_cost_usd),
    ('power_w', p_amounts.power_w, v_user.current_power_w)
  ) as q (name, amount, used)
  where q.amount > 0;
  v_next.budget_allocations := v_latest.budget_allocations || jsonb_build_object(p_from, v_from, p_to, v_to);
  v_next := core.write_constraints(v_latest, v_next, p_agent_name, v_latest.version, p_execution_id);
  perform core.write_activity(
    p_workspace, p_agent_name, 'budget_transferred',
    jsonb_build_object(
      'from_subsystem', p_from, 'to_subsystem', p_to, 'amounts', p_amounts, 'reason', p_reason,
      'constraints_version', v_next.version
    ),
    p_execution_id
  );
  return v_next;
end;
$$;

create or replace function core.transfer_budget(
  p_from_subsystem text,
  p_to_subsystem text,
  p_mass_kg numeric,
  p_cost_usd numeric,
  p_power_w numeric,
  p_reason text,
  p_agent_name text,
  p_reservation_id uuid,
  p_execution_id text,
  p_request_id uuid
)
returns public.global_constraints
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_agent_name constant text := coalesce(p_agent_name, core.claimed_agent(), p_execution_id);
  v_amounts core.amounts;
  v_request core.request;
  v_row public.global_constraints;
begin
  perform core.require_name('from_subsystem', p_from_subsystem);
  perform core.require_name('to_subsystem', p_to_subsystem);
  if p_from_subsystem = p_to_subsystem then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', 'to_subsystem', 'reason', 'is where the budget comes from', 'value', p_to_subsystem
      ),
      'Name two different subsystems.'
    );
  end if;
  v_amounts := core.require_amounts(p_mass_kg, p_cost_usd, p_power_w);
  perform core.require_text('reason', p_reason);
  perform core.require_agent('agent_name', v_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'transfer_budget',
    jsonb_build_array(
      p_from_subsystem, p_to_subsystem, p_reason, v_agent_name, v_amounts, p_reservation_id, p_execution_id
    )
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.global_constraints, v_request.answer);
  end if;
  v_row := core.move_budget(
    v_workspace, p_from_subsystem, p_to_subsystem, v_amounts, p_reason, v_agent_name, p_execution_id,
    p_reservation_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.transfer_budget(
  from_subsystem text,
  to_subsystem text,
  mass_kg numeric default 0,
  cost_usd numeric default 0,
  power_w numeric default 0,
  reason text default null,
  agent_name text default null,
  reservation_id uuid default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.global_constraints
language sql
set search_path = ''
as $$
  select core.transfer_budget(
    from_subsystem, to_subsystem, mass_kg, cost_usd, power_w, reason, agent_name, reservation_id, execution_id,
    request_id
  );
$$;

comment on function public.transfer_budget(
  text, text, numeric, numeric, numeric, text, text, uuid, text, uuid
) is
'Moves a part of one subsystem''s budget to another''s and returns the new constraints. `reserve` may be on either side.
A reason (1 to 10000 characters) is required. Without an agent_name the token''s agent does it, or else the execution.
Amounts are rounded to six decimals.

over_budget, and nothing changes, if it would take more than there is, or what another execution has reserved. What
this execution holds of it itself is spent. A quantity that was not allocated to the second starts at what it uses of
it, as far as the totals leave that unallocated. Both subsystems'' within_budget and conflicts follow. With a
reservation_id that reservation is used up by it; reservation_lost if it has ended.';

-- sql/50_budgets/update_global_constraints.sql
-- Applies a checked patch to constraints. Columns are replaced, unknown keys go to metadata (null removes them). Keys
-- that the database sets itself are ignored, so a row that was read may be sent back as it is. An amount that is sent
-- back unchanged is not rounded, because an import may have brought more than six decimals; others are.
create or replace function core.patch_constraints(p_content jsonb, p_patch jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_columns constant text[] := array[
    'total_mass_kg_max', 'total_cost_usd_max', 'height_m', 'voltage_v', 'budget_allocations'
  ];
  v_owned constant text[] := array[
    'workspace', 'version', 'metadata', 'base_version', 'merged', 'created_by', 'created_at'
  ];
  v_content jsonb;
begin
  v_content := p_content || (
    select coalesce(jsonb_object_agg(e.key, case
      when e.key like 'total_%' and e.value <> 'null' and e.value is distinct from p_content -> e.key
        then to_jsonb(core.round_amount(e.value::numeric))
      else e.value
    end), '{}')
    from jsonb_each(p_patch) as e
    where e.key = any(v_columns)
  );
  if p_patch ? 'budget_allocations' then
    v_content := v_content || jsonb_build_object('budget_allocations', (
      select coalesce(jsonb_object_agg(a.key, a.value || (
        select coalesce(jsonb_object_agg(q.key, core.round_amount(q.value::numeric)), '{}')
        from jsonb_each(a.value) as q
        where q.key in ('mass_kg', 'cost_usd', 'power_w')
          and q.value is distinct from p_content -> 'budget_allocations' -> a.key -> q.key
      )), '{}')
      from jsonb_each(p_patch -> 'budget_allocations') as a
    ));
  end if;
  return v_content || jsonb_build_object('metadata', core.merge_patch(
    p_content -> 'metadata', coalesce(p_patch -> 'metadata', '{}') || (p_patch - v_columns - v_owned)
  ));
end;
$$;

create or replace function core.update_global_constraints(
  p_constraints jsonb,
  p_created_by text,
  p_base_version integer,
  p_execution_id text,
  p_request_id uuid
)
returns public.global_constraints
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_latest public.global_constraints;
  v_theirs jsonb;
  v_base jsonb;
  v_content jsonb;
  v_row public.global_constraints;
begin
  perform core.require_constraints('constraints', p_constraints);
  perform core.require_agent('created_by', p_created_by);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'update_global_constraints',
    jsonb_build_array(p_constraints, p_created_by, p_base_version, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.global_constraints, v_request.answer);
  end if;
  v_latest := core.lock_constraints(v_workspace, true);
  v_theirs := core.constraints_content(v_latest);
  if p_base_version is null then
    v_content := core.patch_constraints(v_theirs, p_constraints);
  else
    v_base := core.constraints_of_version(v_workspace, p_base_version);
    v_content := core.rebase_document(
      '{"document": "global_constraints"}', p_base_version, v_latest.version, v_base, v_theirs,
      coalesce(core.patch_constraints(v_base, p_constraints), p_constraints)
    );
  end if;
  if p_base_version <> v_latest.version and v_content = v_theirs then
    perform core.remember_request(v_request, to_jsonb(v_latest));
    return v_latest;  -- others did the same already, so there is nothing to publish
  end if;
  v_row := core.write_constraints(
    v_latest, jsonb_populate_record(v_latest, v_content), p_created_by, p_base_version, p_execution_id
  );
  perform core.write_activity(
    v_workspace, p_created_by, 'constraints_updated',
    jsonb_build_object('version', v_row.version, 'merged', v_row.merged), p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.update_global_constraints(
  constraints jsonb,
  created_by text,
  base_version integer default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.global_constraints
language sql
set search_path = ''
as $$
  select core.update_global_constraints(constraints, created_by, base_version, execution_id, request_id);
$$;

comment on function public.update_global_constraints(jsonb, text, integer, text, uuid) is
'Publishes the next version of limits and budgets and returns the row.

Absent keys keep their value, budget_allocations is replaced as a whole, unknown keys go to metadata (null removes
them). Send base_version, the version that the change was made from (0: there was none): what others published since is
merged with it, part by part; stale_version where both changed the same part. over_budget if the allocations together
exceed the totals, or if one is lowered into what reservations hold of it. Each subsystem''s within_budget and its conflict about the budget follow.';

-- sql/50_budgets/verdicts.sql
-- Verdicts: whether each subsystem keeps to its budget
--
-- A subsystem is over its budget if it uses more than its allocation, or if it uses some of the shared budget while
-- that is exceeded (shared_budget.sql). The column within_budget says so. A conflict tells of each overrun
-- (overrun_conflicts.sql).
--
-- Invariants, at each commit, except for what an import brought and no write has judged since:
-- - within_budget is null while nothing limits the subsystem, or nobody has written it; else true or false.
-- - A verdict does not change the subsystem's version, so an agent that is about to write need not read again.
--
-- Lock order: the caller holds the rows of the subsystems that are judged, and to judge the robot the workspace's row.
-- Then reservations, the conflict counter and conflicts are locked.

-- The verdict on one subsystem. p_shared_overruns may be null if it uses no shared budget.
create or replace function core.verdict(
  p_row public.subsystems,
  p_constraints public.global_constraints,
  p_shared_overruns jsonb
)
returns core.verdict
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_allocation constant jsonb := coalesce(p_constraints.budget_allocations -> p_row.name, '{}');
  v_verdict core.verdict;
begin
  v_verdict.overruns := core.overruns(
    v_allocation, row(p_row.current_mass_kg, p_row.current_cost_usd, p_row.current_power_w)::core.amounts
  );
  v_verdict.is_within := case
    when v_verdict.overruns <> '{}' then false
    when p_row.current_mass_kg > 0 and p_shared_overruns ? 'mass_kg' and not v_allocation ? 'mass_kg' then false
    when p_row.current_cost_usd > 0 and p_shared_overruns ? 'cost_usd' and not v_allocation ? 'cost_usd' then false
    when v_allocation ?| array['mass_kg', 'cost_usd', 'power_w'] then true
    -- It has no allocation, so it uses the shared budget.
    when num_nonnulls(p_constraints.total_mass_kg_max, p_constraints.total_cost_usd_max) > 0 then true
  end;
  return v_verdict;
end;
$$;

-- Judges a status that was just written, in its transaction. With p_strict it is refused if it is over. Else
-- reservations, within_budget and conflicts are updated. Returns the row.
--
-- If the status has an amount of the shared budget, the caller holds the workspace's row. Other subsystems are judged
-- only if the status begins or ends an overrun of the shared budget: then all who use that quantity of it. The size of
-- an overrun changes no verdict.
create or replace function core.judge_status(
  p_old public.subsystems,
  p_new public.subsystems,
  p_status jsonb,
  p_execution_id text,
  p_strict boolean
)
returns public.subsystems
language plpgsql
set search_path = ''
as $$
declare
  v_constraints constant public.global_constraints := core.latest_constraints(p_new.workspace);
  v_shared constant text[] := core.shared_amounts(v_constraints, p_new.name);
  v_shared_before jsonb;
  v_shared_overruns jsonb;
  v_verdict core.verdict;
  v_names text[] := array[p_new.name];
begin
  if v_shared <> '{}' then
    v_shared_overruns := core.shared_overruns(v_constraints);
  end if;
  v_verdict := core.verdict(p_new, v_constraints, v_shared_overruns);
  if exists (
    select from public.budget_reservations as r where r.workspace = p_new.workspace and r.subsystem = p_new.name
  ) then
    perform core.charge_budget(
      p_new.workspace, p_new.name, v_constraints.budget_allocations -> p_new.name,
      row(p_new.current_mass_kg, p_new.current_cost_usd, p_new.current_power_w)::core.amounts,
      row(
        p_new.current_mass_kg - p_old.current_mass_kg, p_new.current_cost_usd - p_old.current_cost_usd,
        p_new.current_power_w - p_old.current_power_w
      )::core.amounts,
      p_execution_id, p_strict
    );
  end if;
  if p_strict and v_verdict.overruns <> '{}' then
    perform core.fail_over_budget(jsonb_build_object('subsystem', p_new.name), v_verdict.overruns);
  elsif p_strict and v_verdict.is_within is false then
    perform core.fail_over_budget(jsonb_build_object('subsystem', p_new.name, 'scope', 'robot'), v_shared_overruns);
  end if;
  if p_status ?| v_shared then
    v_shared_before := core.shared_overruns(v_constraints, row(
      case when 'current_mass_kg' = any(v_shared) then p_old.current_mass_kg - p_new.current_mass_kg end,
      case when 'current_cost_usd' = any(v_shared) then p_old.current_cost_usd - p_new.current_cost_usd end,
      0
    )::core.amounts);
  end if;
  if v_shared_before <> v_shared_overruns then
    -- After its own row, so out of the order of names. All who lock several rows hold the workspace's:
    -- shared_budget.sql.
    v_names := array(
      select s.name from public.subsystems as s
      where s.workspace = p_new.workspace and (s.name = p_new.name or exists (
        select from core.shared_use(v_constraints) as u
        where u.subsystem = s.name and (v_shared_before ? u.quantity) <> (v_shared_overruns ? u.quantity)
      ))
      order by s.name
      for no key update
    );
  end if;
  perform core.judge_budgets(
    v_constraints, v_names, v_shared_overruns, v_shared_before is not null, p_execution_id
  );
  p_new.within_budget := v_verdict.is_within;
  return p_new;
end;
$$;

-- Updates within_budget and the conflict of each of these subsystems, and with p_is_robot_judged the conflict of the
-- robot. Returns how many were judged.
create or replace function core.judge_budgets(
  p_constraints public.global_constraints,
  p_names text[],
  p_shared_overruns jsonb,
  p_is_robot_judged boolean,
  p_execution_id text
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_judged record;
  v_count integer := 0;
begin
  -- Overruns first: their reports lock the conflict counter, which comes before the rows of conflicts.
  for v_judged in
    select * from (
      select s.name, s.within_budget, v.is_within, v.overruns
      from public.subsystems as s
      cross join lateral core.verdict(s, p_constraints, p_shared_overruns) as v
      where s.workspace = p_constraints.workspace and s.name = any(p_names)
      union all
      select null, null, null, p_shared_overruns where p_is_robot_judged
    ) as j
    order by j.overruns = '{}', j.name
  loop
    if v_judged.within_budget is distinct from v_judged.is_within then
      update public.subsystems as s set within_budget = v_judged.is_within
      where s.workspace = p_constraints.workspace and s.name = v_judged.name;
    end if;
    perform core.watch_overruns(p_constraints, v_judged.name, v_judged.overruns, p_execution_id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

-- Corrects within_budget after an import. Opens no conflict, because an export brings its own, with their numbers. The
-- caller holds the workspace's row.
create or replace function core.correct_within_budget(p_constraints public.global_constraints)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_shared_overruns constant jsonb := core.shared_overruns(p_constraints);
  v_count integer;
begin
  perform core.lock_subsystems(p_constraints.workspace, array(
    select s.name from public.subsystems as s where s.workspace = p_constraints.workspace
  ));
  update public.subsystems as s set within_budget = v.is_within
  from public.subsystems as o
  cross join lateral core.verdict(o, p_constraints, v_shared_overruns) as v
  where o.workspace = p_constraints.workspace and s.workspace = o.workspace and s.name = o.name
    and s.within_budget is not null and s.within_budget is distinct from v.is_within;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

-- sql/60_conflicts/tables.sql
-- Functions check the names and the key: log_conflict, resolve_conflict and the like, and the import.
create table public.conflicts (
  workspace text not null,
  conflict_id bigint not null check (conflict_id >= 1),
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  priority integer not null default 3 check (priority between 1 and 4),
  source_agent text not null,
  target_agent text not null,
  description text not null,
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  blocks_agents text[] not null default '{}',
  status text not null default 'open' check (status in ('open', 'resolved')),
  resolution text,
  created_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  resolved_by text,
  execution_id text,
  conflict_key text,
  reported_to text not null,
  reports integer not null default 1 check (reports >= 1),
  last_reported_at timestamptz not null default clock_timestamp(),
  primary key (workspace, conflict_id),
  check ((status = 'resolved') = (resolution is not null and resolved_at is not null))
);

comment on table public.conflicts is
'Conflicts between agents. Written by log_conflict and resolve_conflict, and by the database where it sees one itself.';
comment on column public.conflicts.workspace is 'The design that this row belongs to.';
comment on column public.conflicts.conflict_id is '1, 2, 3, ... in each workspace, without gaps.';
comment on column public.conflicts.severity is 'low, medium, high or critical.';
comment on column public.conflicts.priority is '1 (first) to 4 (last).';
comment on column public.conflicts.source_agent is 'The agent that reported it.';
comment on column public.conflicts.target_agent is 'The agent that should resolve it.';
comment on column public.conflicts.blocks_agents is 'Agents that should not go on before it is resolved.';
comment on column public.conflicts.status is 'open or resolved.';
comment on column public.conflicts.conflict_key is
'What it is about, in the words of its source: at most one of the same source, target and key is open. Null: no two
are the same.';
comment on column public.conflicts.reported_to is
'Whom its source named as target: stays when it is reassigned, so that the next report still finds it.';
comment on column public.conflicts.reports is 'How often it was reported while open.';
comment on column public.conflicts.last_reported_at is 'When it was reported last.';

create index conflicts_open_idx on public.conflicts (workspace, priority, conflict_id) where status = 'open';
create index conflicts_blocking_idx on public.conflicts (workspace, priority, conflict_id)
where status = 'open' and blocks_agents <> '{}';
-- For core.find_open_conflict, which must never find two. These indexes prevent two with the same target, and two with
-- the same reported_to. core.find_duplicate prevents the rest: the target of one is the reported_to of the other.
create unique index conflicts_open_target_idx on public.conflicts (workspace, source_agent, conflict_key, target_agent)
where status = 'open' and conflict_key is not null;
create unique index conflicts_open_report_idx on public.conflicts (workspace, source_agent, conflict_key, reported_to)
where status = 'open' and conflict_key is not null;

alter table public.conflicts enable row level security;
create policy conflicts_of_own_workspace on public.conflicts
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

create table public.conflict_events (
  workspace text not null,
  conflict_id bigint not null,
  event_id integer not null check (event_id >= 1),
  event text not null check (
    event in ('opened', 'reported', 'updated', 'note', 'reassigned', 'resolved', 'reopened')
  ),
  agent_name text not null,
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  created_at timestamptz not null default clock_timestamp(),
  execution_id text,
  primary key (workspace, conflict_id, event_id),
  foreign key (workspace, conflict_id) references public.conflicts (workspace, conflict_id) on delete cascade
);

comment on table public.conflict_events is 'What happened to each conflict, in order. See get_conflict_history.';
comment on column public.conflict_events.workspace is 'The design that this row belongs to.';
comment on column public.conflict_events.event_id is '1, 2, 3, ... in each conflict.';
comment on column public.conflict_events.event is
'opened, reported (again), updated, note, reassigned, resolved or reopened.';
comment on column public.conflict_events.agent_name is 'Who did it; sharedstate where the database did it by itself.';
comment on column public.conflict_events.details is
'What was said: of opened, reported and updated the report; of reopened also the resolution that did not hold.';

alter table public.conflict_events enable row level security;
create policy conflict_events_of_own_workspace on public.conflict_events
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- Conflict numbers are counted here under a row lock: so they have no gaps, and a rollback gives a number back. Not a
-- column of core.workspaces: a status may open a conflict when it has locked its subsystem, and the workspace's row
-- comes before that in the lock order.
create table core.conflict_counters (
  workspace text primary key references core.workspaces (name),
  last_conflict_id bigint not null default 0
);
comment on table core.conflict_counters is 'The last conflict number of each workspace; made with the workspace.';
alter table core.conflict_counters enable row level security;

insert into core.conflict_counters (workspace)
select w.name from core.workspaces as w;

create type public.unblock_wait as (blocked boolean, conflicts public.conflicts [], retry_ms integer);
comment on type public.unblock_wait is 'Answer of wait_until_unblocked.';

-- sql/60_conflicts/add_conflict_note.sql
create or replace function core.add_conflict_note(
  p_conflict_id bigint,
  p_agent_name text,
  p_note text,
  p_execution_id text,
  p_request_id uuid
)
returns public.conflict_events
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_row public.conflict_events;
begin
  perform core.require_present('conflict_id', to_jsonb(p_conflict_id));
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_text('note', p_note);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'add_conflict_note',
    jsonb_build_array(p_conflict_id, p_agent_name, p_note, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflict_events, v_request.answer);
  end if;
  v_row := core.write_conflict_event(
    core.lock_conflict(v_workspace, p_conflict_id), 'note', p_agent_name,
    jsonb_build_object('note', p_note), p_execution_id
  );
  perform core.write_activity(
    v_workspace, p_agent_name, 'conflict_noted',
    jsonb_build_object('conflict_id', p_conflict_id, 'event_id', v_row.event_id),
    p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.add_conflict_note(
  conflict_id bigint,
  agent_name text,
  note text,
  execution_id text default null,
  request_id uuid default null
)
returns public.conflict_events
language sql
set search_path = ''
as $$
  select core.add_conflict_note(conflict_id, agent_name, note, execution_id, request_id);
$$;

comment on function public.add_conflict_note(bigint, text, text, text, uuid) is
'Adds a note (1 to 10000 characters) to the history of a conflict, open or resolved, and returns that entry;
unknown_conflict otherwise.';

-- sql/60_conflicts/blocked_by.sql
-- A read with a core half, because it calls helpers that callers may not.
create or replace function core.blocked_by(p_agent_name text)
returns setof public.conflicts
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform core.require_name('agent_name', p_agent_name);
  return query select * from core.blockers_of_agent(core.current_workspace(), p_agent_name);
end;
$$;

create or replace function public.blocked_by(agent_name text)
returns setof public.conflicts
language sql
stable
set search_path = ''
as $$
  select * from core.blocked_by(agent_name);
$$;

comment on function public.blocked_by(text) is
'Open conflicts that block this agent (or another of its subsystem), most urgent first: by priority, severity, number.';

-- sql/60_conflicts/blocking.sql
-- Which agents an open conflict blocks.
--
-- A conflict names agents in blocks_agents. It blocks all agents of their subsystems: power, power_agent and
-- power_designer are the same to it. blocked_by, is_blocked and wait_until_unblocked tell of all such conflicts.
-- checkout_subsystem refuses if one of them is critical.
--
-- Reads without locks: a conflict may be opened right after the answer. checkout_subsystem looks again when it has
-- locked the fencing counter.

-- The names under which the agents of one subsystem work.
create or replace function core.agent_names(p_agent_name text)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_subsystem constant text := core.agent_subsystem(p_agent_name);
begin
  -- a_agent_agent works on a_agent; an agent of the name a_agent does not.
  return array(
    select n.name from unnest(array[v_subsystem, v_subsystem || '_agent', v_subsystem || '_designer']) as n (name)
    where core.agent_subsystem(n.name) = v_subsystem
  );
end;
$$;

-- The open conflicts that block an agent, most urgent first.
create or replace function core.blockers_of_agent(p_workspace text, p_agent_name text)
returns setof public.conflicts
language plpgsql
stable
set search_path = ''
as $$
declare
  -- A variable, because in the query a generic plan would call the function for each conflict.
  v_names constant text[] := core.agent_names(p_agent_name);
begin
  return query
  select c.* from public.conflicts as c
  where c.workspace = p_workspace
    and c.status = 'open'
    and c.blocks_agents <> '{}'
    and c.blocks_agents && v_names
  order by c.priority, array_position(array['critical', 'high', 'medium', 'low'], c.severity), c.conflict_id;
end;
$$;

-- The critical ones among them, which keep an agent from checking anything out.
create or replace function core.critical_blockers(p_workspace text, p_agent_name text)
returns public.conflicts[]
language plpgsql
stable
set search_path = ''
as $$
begin
  return array(
    select b from core.blockers_of_agent(p_workspace, p_agent_name) as b where b.severity = 'critical'
  );
end;
$$;

-- sql/60_conflicts/is_blocked.sql
create or replace function public.is_blocked(agent_name text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (select from core.blocked_by(agent_name));
$$;

comment on function public.is_blocked(text) is
'Whether an open conflict blocks this agent (or another of its subsystem). See blocked_by and wait_until_unblocked.';

-- sql/60_conflicts/log_conflict.sql
create or replace function core.log_conflict(
  p_severity text,
  p_source text,
  p_target text,
  p_description text,
  p_details jsonb,
  p_priority integer,
  p_blocks text[],
  p_execution_id text,
  p_conflict_key text,
  p_request_id uuid
)
returns public.conflicts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_row public.conflicts;
begin
  if p_severity is null or p_severity not in ('low', 'medium', 'high', 'critical') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'severity', 'reason', 'is unknown', 'value', left(p_severity, 200)),
      'Use low, medium, high or critical.'
    );
  end if;
  perform core.require_agent('source', p_source);
  perform core.require_name('target', p_target);
  perform core.require_text('description', p_description);
  if p_details is not null then
    perform core.require_object('details', p_details);
  end if;
  perform core.require_whole_number('priority', to_jsonb(p_priority), 1, 4);
  perform core.require_names('blocks', p_blocks);
  perform core.require_optional_name('execution_id', p_execution_id);
  -- The database's own keys: it would overwrite and resolve an agent's conflict that had one of them.
  if starts_with(p_conflict_key, 'sharedstate:') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', 'conflict_key', 'reason', 'belongs to the database', 'value', left(p_conflict_key, 200)
      ),
      'Use a key that does not begin with sharedstate:'
    );
  elsif p_conflict_key is not null then
    perform core.require_label('conflict_key', p_conflict_key);
  end if;
  v_request := core.recall_request(
    v_workspace, p_request_id, 'log_conflict',
    jsonb_build_array(
      p_severity, p_source, p_target, p_description, p_details, p_priority, p_blocks, p_execution_id,
      p_conflict_key
    )
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflicts, v_request.answer);
  end if;
  v_row := core.report_conflict(
    v_workspace, p_severity, p_priority, p_source, p_target, p_conflict_key, p_description, p_details,
    p_blocks, p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.log_conflict(
  severity text,
  source text,
  target text,
  description text,
  details jsonb default null,
  priority integer default 3,
  blocks text[] default null,
  execution_id text default null,
  conflict_key text default null,
  request_id uuid default null
)
returns public.conflicts
language sql
set search_path = ''
as $$
  select core.log_conflict(
    severity, source, target, description, details, priority, blocks, execution_id, conflict_key, request_id
  );
$$;

comment on function public.log_conflict(text, text, text, text, jsonb, integer, text[], text, text, uuid) is
'Opens a conflict and returns its row with the number that was given to it.

severity: low, medium, high or critical; priority: 1 (first) to 4 (last); blocks: agents that should wait until it is
resolved. With a conflict_key (1 to 200 characters; those that begin with sharedstate: are the database''s own) a report
of the same source, target and key is counted on the one that is open, which takes all that is new in it, and is
returned. Without details or blocks it leaves those that the open one has; {} or [] empties them.';

-- sql/60_conflicts/open_conflicts.sql
-- Finding and locking conflicts.
--
-- Of one source, target and key at most one conflict is open. Both targets of a conflict count: the one that it has
-- now, and the one that it was reported to, because its source need not know that it was reassigned. Conflicts without
-- a key are all different.
--
-- A function that may open, reopen or reassign a conflict locks the workspace's conflict counter first. Then the answer
-- to "is one open?" stays true until commit.
--
-- Lock order: the counter comes after the workspace's row and subsystem rows, and before the rows of conflicts. A
-- transaction that resolves one conflict and may report another afterwards locks the counter first.

-- Keeps other reports in this workspace waiting until commit.
create or replace function core.lock_conflict_counter(p_workspace text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform from core.conflict_counters as n where n.workspace = p_workspace for no key update;
  return found;
end;
$$;

-- Locks a conflict's row until commit, or raises unknown_conflict.
create or replace function core.lock_conflict(p_workspace text, p_conflict_id bigint)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_row public.conflicts;
begin
  select * into v_row from public.conflicts as c
  where c.workspace = p_workspace and c.conflict_id = p_conflict_id
  for no key update;
  if not found then
    perform core.fail(
      'unknown_conflict',
      jsonb_build_object('conflict_id', p_conflict_id),
      'See get_active_conflicts for the open ones.'
    );
  end if;
  return v_row;
end;
$$;

-- The same for an open conflict, else conflict_already_resolved.
create or replace function core.lock_open_conflict(p_workspace text, p_conflict_id bigint)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_row constant public.conflicts := core.lock_conflict(p_workspace, p_conflict_id);
begin
  if v_row.status <> 'open' then
    perform core.fail(
      'conflict_already_resolved',
      jsonb_build_object(
        'conflict_id', p_conflict_id, 'resolved_by', v_row.resolved_by,
        'resolved_at', v_row.resolved_at, 'resolution', v_row.resolution
      ),
      'Read the resolution in the detail; open a new conflict if it does not settle yours.'
    );
  end if;
  return v_row;
end;
$$;

-- The open conflict of this source, target and key, locked until commit; no row if there is none. A caller that may
-- report afterwards holds the counter.
create or replace function core.find_open_conflict(
  p_workspace text,
  p_source text,
  p_target text,
  p_conflict_key text
)
returns setof public.conflicts
language plpgsql
rows 1
set search_path = ''
as $$
begin
  return query
  select * from public.conflicts as c
  where c.workspace = p_workspace and c.source_agent = p_source and c.conflict_key = p_conflict_key
    and p_target in (c.target_agent, c.reported_to) and c.status = 'open'
  for no key update;
end;
$$;

-- Another open conflict of the same source and key that counts for this target, or for the one that p_conflict was
-- reported to; null if there is none. The caller holds the counter. The row is locked, so one that is being resolved at
-- this moment is waited for, and then does not count.
create or replace function core.find_duplicate(p_conflict public.conflicts, p_target text)
returns bigint
language plpgsql
set search_path = ''
as $$
begin
  return (
    select c.conflict_id from public.conflicts as c
    where c.workspace = p_conflict.workspace and c.source_agent = p_conflict.source_agent
      and c.conflict_key = p_conflict.conflict_key and c.status = 'open'
      and (p_target in (c.target_agent, c.reported_to) or p_conflict.reported_to in (c.target_agent, c.reported_to))
      and c.conflict_id <> p_conflict.conflict_id
    order by c.conflict_id
    limit 1
    for no key update
  );
end;
$$;

-- Checks that a conflict may be reopened, or get another target.
create or replace function core.require_no_duplicate(p_conflict public.conflicts, p_target text)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_other constant bigint := core.find_duplicate(p_conflict, p_target);
begin
  if v_other is not null then
    perform core.fail(
      'conflict_duplicate',
      jsonb_build_object('conflict_id', p_conflict.conflict_id, 'duplicate_of', v_other),
      'Go on with the open one of the same source, target and key: its number is in duplicate_of.'
    );
  end if;
  return true;
end;
$$;

-- The subsystem whose budget a conflict of the database is about, or robot for the totals; null for other conflicts.
create or replace function core.watched_subsystem(p_conflict public.conflicts)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when p_conflict.conflict_key in ('sharedstate:budget', 'sharedstate:totals')
      and 'system_architect' in (p_conflict.target_agent, p_conflict.reported_to)
      then p_conflict.source_agent
  end;
end;
$$;

-- sql/60_conflicts/reassign_conflict.sql
create or replace function core.reassign_conflict(
  p_conflict_id bigint,
  p_target_agent text,
  p_agent_name text,
  p_reason text,
  p_execution_id text,
  p_request_id uuid
)
returns public.conflicts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_old public.conflicts;
  v_row public.conflicts;
  v_details jsonb;
begin
  perform core.require_present('conflict_id', to_jsonb(p_conflict_id));
  perform core.require_name('target_agent', p_target_agent);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_text('reason', p_reason);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'reassign_conflict',
    jsonb_build_array(p_conflict_id, p_target_agent, p_agent_name, p_reason, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflicts, v_request.answer);
  end if;
  perform core.lock_conflict_counter(v_workspace);
  v_old := core.lock_open_conflict(v_workspace, p_conflict_id);
  perform core.require_no_duplicate(v_old, p_target_agent);
  update public.conflicts as c set target_agent = p_target_agent
  where c.workspace = v_workspace and c.conflict_id = p_conflict_id
  returning c.* into v_row;
  v_details := jsonb_build_object('from', v_old.target_agent, 'to', p_target_agent, 'reason', p_reason);
  perform core.write_conflict_event(v_row, 'reassigned', p_agent_name, v_details, p_execution_id);
  perform core.write_activity(
    v_workspace, p_agent_name, 'conflict_reassigned',
    jsonb_build_object('conflict_id', p_conflict_id) || v_details,
    p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.reassign_conflict(
  conflict_id bigint,
  target_agent text,
  agent_name text,
  reason text,
  execution_id text default null,
  request_id uuid default null
)
returns public.conflicts
language sql
set search_path = ''
as $$
  select core.reassign_conflict(conflict_id, target_agent, agent_name, reason, execution_id, request_id);
$$;

comment on function public.reassign_conflict(bigint, text, text, text, text, uuid) is
'Gives an open conflict another target, the agent that should resolve it, and returns its row.

Further reports to the old target are still counted on it. conflict_already_resolved if it is not open,
conflict_duplicate if the new target has an open one of the same source and key.';

-- sql/60_conflicts/reopen_conflict.sql
create or replace function core.reopen_conflict(
  p_conflict_id bigint,
  p_agent_name text,
  p_reason text,
  p_execution_id text,
  p_request_id uuid
)
returns public.conflicts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_old public.conflicts;
  v_row public.conflicts;
begin
  perform core.require_present('conflict_id', to_jsonb(p_conflict_id));
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_text('reason', p_reason);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'reopen_conflict',
    jsonb_build_array(p_conflict_id, p_agent_name, p_reason, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflicts, v_request.answer);
  end if;
  perform core.lock_conflict_counter(v_workspace);
  v_old := core.lock_conflict(v_workspace, p_conflict_id);
  if v_old.status <> 'resolved' then
    perform core.fail(
      'conflict_not_resolved',
      jsonb_build_object('conflict_id', p_conflict_id, 'status', v_old.status),
      'It is open already; add a note if there is something to add.'
    );
  end if;
  perform core.require_no_duplicate(v_old, v_old.target_agent);
  -- The database opens its own conflict while a budget is exceeded. One that was reopened while none is exceeded would
  -- stay open until a status with amounts is written.
  if core.watched_subsystem(v_old) is not null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', 'conflict_id', 'reason', 'is about a budget, and belongs to the database',
        'value', p_conflict_id
      ),
      'The database opens the next one by itself when the budget is exceeded; log one of your own about anything else.'
    );
  end if;
  update public.conflicts as c
  set status = 'open', resolution = null, resolved_by = null, resolved_at = null
  where c.workspace = v_workspace and c.conflict_id = p_conflict_id
  returning c.* into v_row;
  perform core.write_conflict_event(
    v_row, 'reopened', p_agent_name,
    jsonb_build_object(
      'reason', p_reason, 'resolution', v_old.resolution, 'resolved_by', v_old.resolved_by,
      'resolved_at', v_old.resolved_at
    ),
    p_execution_id
  );
  perform core.write_activity(
    v_workspace, p_agent_name, 'conflict_reopened',
    jsonb_build_object('conflict_id', p_conflict_id, 'reason', p_reason),
    p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.reopen_conflict(
  conflict_id bigint,
  agent_name text,
  reason text,
  execution_id text default null,
  request_id uuid default null
)
returns public.conflicts
language sql
set search_path = ''
as $$
  select core.reopen_conflict(conflict_id, agent_name, reason, execution_id, request_id);
$$;

comment on function public.reopen_conflict(bigint, text, text, text, uuid) is
'Opens a resolved conflict again, because its resolution did not hold, and returns its row. It blocks again whom it
blocked.

conflict_not_resolved if it is open; conflict_duplicate if another one of the same source, target and key is open.
invalid_argument for one about a budget (conflict_key sharedstate:...): the database opens and resolves those by itself.';

-- sql/60_conflicts/reports.sql
-- Opening a conflict, counting further reports on it, and resolving it: for agents (log_conflict, resolve_conflict),
-- and for the conflicts about budgets, which the database reports itself (50_budgets/overrun_conflicts.sql).
--
-- Each change adds an event to the history of the conflict and an entry to the activity log, in the same transaction.
-- Numbers of conflicts come from the workspace's counter, whose row is locked until commit. So they have no gaps, and
-- none is given twice. Numbers of events are given under the lock on the conflict's row.
--
-- Lock order: conflict counter, then conflict row; see open_conflicts.sql.

-- Adds an event to the history. The caller holds the conflict's row, under which events are numbered.
create or replace function core.write_conflict_event(
  p_conflict public.conflicts,
  p_event text,
  p_agent_name text,
  p_details jsonb,
  p_execution_id text
)
returns public.conflict_events
language plpgsql
set search_path = ''
as $$
declare
  v_row public.conflict_events;
begin
  insert into public.conflict_events as e (
    workspace, conflict_id, event_id, event, agent_name, details, execution_id
  )
  select
    p_conflict.workspace, p_conflict.conflict_id, coalesce(max(k.event_id), 0) + 1, p_event, p_agent_name,
    p_details, p_execution_id
  from public.conflict_events as k
  where k.workspace = p_conflict.workspace and k.conflict_id = p_conflict.conflict_id
  returning e.* into v_row;
  return v_row;
end;
$$;

-- Opens a conflict. If one of the same source, target and key is open, that is updated with the report instead; without
-- a key each report opens a conflict. Null details or blocks leave those of the open one as they are.
--
-- p_counts is false for the database's own reports, which it makes with each write while an overrun lasts. They are not
-- counted, and one that says the same as before changes nothing.
create or replace function core.report_conflict(
  p_workspace text,
  p_severity text,
  p_priority integer,
  p_source text,
  p_target text,
  p_conflict_key text,
  p_description text,
  p_details jsonb,
  p_blocks text[],
  p_execution_id text,
  p_counts boolean default true
)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_author constant text := case when p_counts then p_source else 'sharedstate' end;
  v_event text;
  v_row public.conflicts;
begin
  if p_conflict_key is not null then
    -- As core.lock_conflict_counter: before the search for an open one, so that its result stays true.
    perform from core.conflict_counters as n where n.workspace = p_workspace for no key update;
    select * into v_row from core.find_open_conflict(p_workspace, p_source, p_target, p_conflict_key);
  end if;
  if v_row.conflict_id is null then
    v_event := 'opened';
    update core.conflict_counters as n set last_conflict_id = n.last_conflict_id + 1
    where n.workspace = p_workspace
    returning n.last_conflict_id into v_row.conflict_id;
    insert into public.conflicts as c (
      workspace, conflict_id, severity, priority, source_agent, target_agent, description, details,
      blocks_agents, execution_id, conflict_key, reported_to
    ) values (
      p_workspace, v_row.conflict_id, p_severity, p_priority, p_source, p_target,
      p_description, coalesce(p_details, '{}'), coalesce(p_blocks, '{}'), p_execution_id, p_conflict_key, p_target
    )
    returning c.* into v_row;
  elsif not p_counts and (
    v_row.severity, v_row.priority, v_row.description, v_row.details, v_row.blocks_agents
  ) = (
    p_severity, p_priority, p_description, coalesce(p_details, v_row.details),
    coalesce(p_blocks, v_row.blocks_agents)
  ) then
    return v_row;
  else
    v_event := case when p_counts then 'reported' else 'updated' end;
    update public.conflicts as c
    set
      severity = p_severity,
      priority = p_priority,
      description = p_description,
      details = coalesce(p_details, c.details),
      blocks_agents = coalesce(p_blocks, c.blocks_agents),
      reports = c.reports + p_counts::integer,
      last_reported_at = clock_timestamp()
    where c.workspace = p_workspace and c.conflict_id = v_row.conflict_id
    returning c.* into v_row;
  end if;
  perform core.write_conflict_event(
    v_row, v_event, v_author,
    jsonb_build_object(
      'severity', v_row.severity, 'priority', v_row.priority, 'target_agent', v_row.target_agent,
      'description', v_row.description, 'details', v_row.details, 'blocks_agents', v_row.blocks_agents
    ),
    p_execution_id
  );
  perform core.write_activity(
    p_workspace, v_author, case v_event when 'opened' then 'conflict_created' else 'conflict_' || v_event end,
    jsonb_build_object('conflict_id', v_row.conflict_id, 'severity', v_row.severity, 'target', v_row.target_agent),
    p_execution_id
  );
  return v_row;
end;
$$;

-- Resolves an open conflict and returns its row, which the caller has locked. p_details go into the history.
create or replace function core.settle_conflict(
  p_workspace text,
  p_conflict_id bigint,
  p_resolution text,
  p_resolved_by text,
  p_execution_id text,
  p_details jsonb default '{}'
)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_row public.conflicts;
begin
  update public.conflicts as c
  set
    status = 'resolved',
    resolution = p_resolution,
    resolved_by = p_resolved_by,
    resolved_at = clock_timestamp()
  where c.workspace = p_workspace and c.conflict_id = p_conflict_id
  returning c.* into v_row;
  perform core.write_conflict_event(
    v_row, 'resolved', p_resolved_by, jsonb_build_object('resolution', p_resolution) || p_details, p_execution_id
  );
  perform core.write_activity(
    p_workspace, p_resolved_by, 'conflict_resolved',
    jsonb_build_object('conflict_id', p_conflict_id, 'resolution', p_resolution),
    p_execution_id
  );
  return v_row;
end;
$$;

-- sql/60_conflicts/resolve_conflict.sql
-- Checks a transfer and returns its amounts, 0 for those that are absent. Such as
-- {"from_subsystem": "reserve", "to_subsystem": "actuation", "mass_kg": 1, "power_w": 50}
create or replace function core.require_budget_transfer(p_transfer jsonb)
returns core.amounts
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_amounts jsonb := jsonb '{"mass_kg": 0, "cost_usd": 0, "power_w": 0}';
  v_entry record;
  v_reason text;
begin
  perform core.require_object('budget_transfer', p_transfer);
  perform core.require_name('budget_transfer.from_subsystem', p_transfer ->> 'from_subsystem');
  perform core.require_name('budget_transfer.to_subsystem', p_transfer ->> 'to_subsystem');
  for v_entry in select * from jsonb_each(p_transfer - array['from_subsystem', 'to_subsystem']) loop
    if v_amounts ? v_entry.key then
      perform core.require_amount('budget_transfer.' || v_entry.key, v_entry.value);
      v_entry.value := to_jsonb(core.round_amount(v_entry.value::numeric));
    else
      v_reason := 'has an unknown key: ' || left(v_entry.key, 200);
    end if;
    v_amounts := v_amounts || jsonb_build_object(v_entry.key, v_entry.value);
  end loop;
  if p_transfer ->> 'from_subsystem' = p_transfer ->> 'to_subsystem' then
    v_reason := 'goes to where it comes from';
  elsif v_amounts = '{"mass_kg": 0, "cost_usd": 0, "power_w": 0}' then
    v_reason := 'moves nothing';
  end if;
  if v_reason is not null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'budget_transfer', 'reason', v_reason),
      'Use from_subsystem and to_subsystem, and at least one of mass_kg, cost_usd and power_w.'
    );
  end if;
  return jsonb_populate_record(null::core.amounts, v_amounts);
end;
$$;

create or replace function core.resolve_conflict(
  p_conflict_id bigint,
  p_resolution text,
  p_resolved_by text,
  p_budget_transfer jsonb,
  p_execution_id text,
  p_request_id uuid
)
returns public.conflicts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_from constant text := p_budget_transfer ->> 'from_subsystem';
  v_to constant text := p_budget_transfer ->> 'to_subsystem';
  v_request core.request;
  v_watched text;
  v_latest public.global_constraints;
  v_row public.conflicts;
begin
  perform core.require_present('conflict_id', to_jsonb(p_conflict_id));
  perform core.require_text('resolution', p_resolution);
  perform core.require_agent('resolved_by', p_resolved_by);
  perform core.require_optional_name('execution_id', p_execution_id);
  if p_budget_transfer is not null then
    perform core.require_budget_transfer(p_budget_transfer);
  end if;
  v_request := core.recall_request(
    v_workspace, p_request_id, 'resolve_conflict',
    jsonb_build_array(p_conflict_id, p_resolution, p_resolved_by, p_budget_transfer, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflicts, v_request.answer);
  end if;
  select core.watched_subsystem(c) into v_watched from public.conflicts as c
  where c.workspace = v_workspace and c.conflict_id = p_conflict_id;
  -- If the budget is still exceeded, the judgement that follows opens the next conflict. So this one is resolved before
  -- it. What the judgement and the transfer lock is locked first, because it comes before conflicts in the lock order.
  if p_budget_transfer is not null or v_watched is not null then
    v_latest := core.lock_constraints(v_workspace);
    perform core.lock_subsystems(v_workspace, array[v_from, v_to, v_watched] || case
      when p_budget_transfer is not null then array(select u.subsystem from core.shared_use(v_latest) as u)
    end);
    perform core.lock_conflict_counter(v_workspace);
  end if;
  perform core.lock_open_conflict(v_workspace, p_conflict_id);
  v_row := core.settle_conflict(
    v_workspace, p_conflict_id, p_resolution, p_resolved_by, p_execution_id,
    case when p_budget_transfer is null then '{}' else jsonb_build_object('budget_transfer', p_budget_transfer) end
  );
  if p_budget_transfer is not null then
    perform core.move_budget(
      v_workspace, v_from, v_to, core.require_budget_transfer(p_budget_transfer), p_resolution, p_resolved_by,
      p_execution_id, null
    );
  end if;
  if v_watched is not null then
    v_latest := core.latest_constraints(v_workspace);
    perform core.judge_budgets(v_latest, array[v_watched], core.shared_overruns(v_latest), true, p_execution_id);
  end if;
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.resolve_conflict(
  conflict_id bigint,
  resolution text,
  resolved_by text,
  budget_transfer jsonb default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.conflicts
language sql
set search_path = ''
as $$
  select core.resolve_conflict(conflict_id, resolution, resolved_by, budget_transfer, execution_id, request_id);
$$;

comment on function public.resolve_conflict(bigint, text, text, jsonb, text, uuid) is
'Resolves an open conflict and returns its row; unknown_conflict or conflict_already_resolved otherwise.

budget_transfer: {"from_subsystem": "reserve", "to_subsystem": "actuation", "mass_kg": 1, "cost_usd": 0, "power_w": 0}
moves that budget in the same transaction, as transfer_budget does: both are done, or neither.';

-- sql/60_conflicts/wait_until_unblocked.sql
-- An agent has been blocked for as long as the oldest conflict that blocks it is open. A read with a core half, because
-- it calls helpers that callers may not.
create or replace function core.wait_until_unblocked(p_agent_name text)
returns public.unblock_wait
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_blockers public.conflicts[];
  v_blocked_since timestamptz;
begin
  perform core.require_name('agent_name', p_agent_name);
  v_blockers := array(select b from core.blockers_of_agent(core.current_workspace(), p_agent_name) as b);
  if v_blockers = '{}' then
    return row(false, v_blockers, 0)::public.unblock_wait;
  end if;
  select min(b.created_at) into v_blocked_since from unnest(v_blockers) as b;
  return row(true, v_blockers, core.retry_ms(clock_timestamp() - v_blocked_since, 50, 2000))::public.unblock_wait;
end;
$$;

create or replace function public.wait_until_unblocked(agent_name text)
returns public.unblock_wait
language sql
stable
set search_path = ''
as $$
  select core.wait_until_unblocked(agent_name);
$$;

comment on function public.wait_until_unblocked(text) is
'Whether an agent is blocked, and by which open conflicts. While it is, ask again after retry_ms, which grows with the
time for which it has been blocked.';

-- sql/60_conflicts/get_active_conflicts.sql
-- A read with a core half, because it calls helpers that callers may not.
create or replace function core.get_active_conflicts(p_agent_name text)
returns setof public.conflicts
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  -- A variable, because in the query a generic plan would call the function for each conflict.
  v_names constant text[] := core.agent_names(p_agent_name);
begin
  -- An invalid name would find nothing, and the caller would take that for "no conflicts".
  perform core.require_optional_name('agent_name', p_agent_name);
  return query
  select c.* from public.conflicts as c
  where c.workspace = v_workspace
    and c.status = 'open'
    and (
      p_agent_name is null
      or c.source_agent = any(v_names) or c.target_agent = any(v_names) or c.blocks_agents && v_names
    )
  order by c.priority, array_position(array['critical', 'high', 'medium', 'low'], c.severity), c.conflict_id;
end;
$$;

create or replace function public.get_active_conflicts(agent_name text default null)
returns setof public.conflicts
language sql
stable
set search_path = ''
as $$
  select * from core.get_active_conflicts(agent_name);
$$;

comment on function public.get_active_conflicts(text) is
'Open conflicts, most urgent first: by priority, severity, number.

With agent_name only those with that agent (or another of its subsystem: skeleton, skeleton_agent, skeleton_designer)
as source, target or blocked.';

-- sql/60_conflicts/get_conflict_history.sql
-- A read with a core half, because callers may not call core.fail.
create or replace function core.get_conflict_history(p_conflict_id bigint)
returns setof public.conflict_events
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
begin
  if not exists (
    select from public.conflicts as c where c.workspace = v_workspace and c.conflict_id = p_conflict_id
  ) then
    -- An empty history would look like a conflict to which nothing has happened.
    perform core.fail(
      'unknown_conflict',
      jsonb_build_object('conflict_id', p_conflict_id),
      'See get_active_conflicts for the open ones.'
    );
  end if;
  return query
  select * from public.conflict_events as e
  where e.workspace = v_workspace and e.conflict_id = p_conflict_id
  order by e.event_id;
end;
$$;

create or replace function public.get_conflict_history(conflict_id bigint)
returns setof public.conflict_events
language sql
stable
set search_path = ''
as $$
  select * from core.get_conflict_history(conflict_id);
$$;

comment on function public.get_conflict_history(bigint) is
'All that happened to a conflict, in order: opened, reported (again), updated, note, reassigned, resolved, reopened.
unknown_conflict if there is none of that number.';

-- sql/70_activity/tables.sql
-- Functions check names and labels: the callers of core.write_activity, and the import.
create table public.agent_activity_logs (
  id bigint generated always as identity primary key,
  workspace text not null,
  agent_name text not null,
  activity text not null,
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  execution_id text,
  "timestamp" timestamptz not null default clock_timestamp(),
  import_key uuid,
  transaction_id xid8 not null default pg_current_xact_id()
);

comment on table public.agent_activity_logs is
'What agents did, and every change of status, documents, budgets and conflicts.';
comment on column public.agent_activity_logs.workspace is 'The design that this row belongs to.';
comment on column public.agent_activity_logs."timestamp" is
'When it happened, by the database''s clock; for imported entries, as the source had it.';
comment on column public.agent_activity_logs.import_key is
'Set on imported entries, so that importing again adds nothing.';
comment on column public.agent_activity_logs.transaction_id is
'The transaction that wrote it, the same for all that was written together. See read_activity.';

-- Pages of the log, newest first, by each filter. After the filter comes the time, so each page costs the same,
-- wherever it is in the log. The few entries of one time are sorted by id when they are read.
--
-- This is the busiest table, and each mutation pays for each index, in bytes too. So an index has its filter not as
-- text but as one hash of workspace and value. That takes a third of the space. Time is ascending, because Postgres
-- fills the pages of an index that grows at its end. Two texts may have the same hash, so a query compares the texts
-- too: see core.get_recent_activity.
create index agent_activity_logs_recent_idx on public.agent_activity_logs (workspace, "timestamp");
create index agent_activity_logs_by_agent_idx
on public.agent_activity_logs (hashtextextended(workspace || '/' || agent_name, 0), "timestamp");
create index agent_activity_logs_by_execution_idx
on public.agent_activity_logs (hashtextextended(workspace || '/' || execution_id, 0), "timestamp");
create index agent_activity_logs_by_activity_idx
on public.agent_activity_logs (hashtextextended(workspace || '/' || activity, 0), "timestamp");
-- The order in which followers read. They filter what they read, so one index serves all filters.
create index agent_activity_logs_follow_idx
on public.agent_activity_logs (workspace, transaction_id, id);
create unique index agent_activity_logs_import_key_idx
on public.agent_activity_logs (workspace, import_key) where import_key is not null;

alter table public.agent_activity_logs enable row level security;
create policy agent_activity_logs_of_own_workspace on public.agent_activity_logs
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

create type public.activity_page as (
  entries public.agent_activity_logs [],
  "cursor" text,
  more boolean,
  retry_ms integer
);
comment on type public.activity_page is
'A step of a follower: entries in the order of their transactions, where to go on, whether to ask again at once, and
else in how many milliseconds.';

-- sql/70_activity/log_agent_activities.sql
-- Checks the entries. Unknown keys are refused: else a misspelt one would be lost without an error.
create or replace function core.require_activities(p_entries jsonb)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_entry jsonb;
  v_place text;
  v_key text;
begin
  if jsonb_typeof(p_entries) is distinct from 'array' or jsonb_array_length(p_entries) not between 1 and 1000 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'entries', 'reason', 'is no list of 1 to 1000 entries'),
      'Send a list such as [{"agent_name": "skeleton_agent", "activity": "design_started", "details": {}}].'
    );
  end if;
  for v_entry, v_place in
    select e.value, 'entries.' || (e.ordinality - 1) from jsonb_array_elements(p_entries) with ordinality as e
  loop
    perform core.require_object(v_place, v_entry);
    for v_key in select k.key from jsonb_each(v_entry) as k loop
      if v_key not in ('agent_name', 'activity', 'details')
        or v_key <> 'details' and jsonb_typeof(v_entry -> v_key) <> 'string' then
        perform core.fail(
          'invalid_argument',
          jsonb_build_object('argument', v_place || '.' || v_key, 'reason', 'is unknown or no text'),
          'An entry has agent_name and activity, both text, and perhaps details, an object.'
        );
      end if;
    end loop;
    perform core.require_agent(v_place || '.agent_name', v_entry ->> 'agent_name');
    perform core.require_label(v_place || '.activity', v_entry ->> 'activity');
    perform core.require_object(v_place || '.details', coalesce(v_entry -> 'details', '{}'));
  end loop;
  return true;
end;
$$;

create or replace function core.log_agent_activities(p_entries jsonb, p_execution_id text, p_request_id uuid)
returns setof public.agent_activity_logs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_rows public.agent_activity_logs[];
begin
  perform core.require_activities(p_entries);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'log_agent_activities', jsonb_build_array(p_entries, p_execution_id)
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.agent_activity_logs, v_request.answer);
    return;
  end if;
  with written as (
    insert into public.agent_activity_logs as a (workspace, agent_name, activity, details, execution_id)
    select
      v_workspace, e.value ->> 'agent_name', e.value ->> 'activity', coalesce(e.value -> 'details', '{}'),
      p_execution_id
    from jsonb_array_elements(p_entries) with ordinality as e
    order by e.ordinality
    returning a.*
  )
  select array_agg(w::public.agent_activity_logs order by w.id) into v_rows from written as w;
  perform core.remember_request(v_request, to_jsonb(v_rows));
  return query select * from unnest(v_rows);
end;
$$;

create or replace function public.log_agent_activities(
  entries jsonb,
  execution_id text default null,
  request_id uuid default null
)
returns setof public.agent_activity_logs
language sql
set search_path = ''
as $$
  select * from core.log_agent_activities(entries, execution_id, request_id);
$$;

comment on function public.log_agent_activities(jsonb, text, uuid) is
'Adds 1 to 1000 entries to the activity log, all or none, and returns them in the same order.

entries: [{"agent_name": "skeleton_agent", "activity": "design_started", "details": {}}, ...]; details may be absent.';

-- sql/70_activity/log_agent_activity.sql
create or replace function core.log_agent_activity(
  p_agent_name text,
  p_activity text,
  p_details jsonb,
  p_execution_id text,
  p_request_id uuid
)
returns public.agent_activity_logs
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_row public.agent_activity_logs;
begin
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_label('activity', p_activity);
  perform core.require_object('details', p_details);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'log_agent_activity',
    jsonb_build_array(p_agent_name, p_activity, p_details, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.agent_activity_logs, v_request.answer);
  end if;
  v_row := core.write_activity(v_workspace, p_agent_name, p_activity, p_details, p_execution_id);
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.log_agent_activity(
  agent_name text,
  activity text,
  details jsonb default '{}',
  execution_id text default null,
  request_id uuid default null
)
returns public.agent_activity_logs
language sql
set search_path = ''
as $$
  select core.log_agent_activity(agent_name, activity, details, execution_id, request_id);
$$;

comment on function public.log_agent_activity(text, text, jsonb, text, uuid) is
'Adds an entry to the activity log and returns it.';

-- sql/70_activity/prune_activity.sql
create or replace function core.prune_activity(p_older_than timestamptz, p_limit integer, p_request_id uuid)
returns integer
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_agent_name constant text := coalesce(core.claimed_agent(), 'operator');
  v_request core.request;
  v_count integer;
begin
  perform core.require_agent('agent_name', v_agent_name);
  perform core.require_past('older_than', p_older_than);
  perform core.require_whole_number('limit_count', to_jsonb(p_limit), 1, 100000);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'prune_activity', jsonb_build_array(p_older_than, p_limit)
  );
  if v_request.is_replay then
    return v_request.answer::integer;
  end if;
  -- Skips what another call is deleting. Materialized, because a join may run a subquery more than once, and each run
  -- would lock other rows: more than p_limit.
  with old as materialized (
    select o.id from public.agent_activity_logs as o
    where o.workspace = v_workspace and o."timestamp" < p_older_than
    order by o."timestamp", o.id
    limit p_limit
    for update skip locked
  )
  delete from public.agent_activity_logs as a
  using old
  where a.id = old.id;
  get diagnostics v_count = row_count;
  if v_count > 0 then
    perform core.write_activity(
      v_workspace, v_agent_name, 'activity_pruned',
      jsonb_build_object('older_than', p_older_than, 'entries', v_count), null
    );
  end if;
  perform core.remember_request(v_request, to_jsonb(v_count));
  return v_count;
end;
$$;

create or replace function public.prune_activity(
  older_than timestamptz,
  limit_count integer default 20000,
  request_id uuid default null
)
returns integer
language sql
set search_path = ''
as $$
  select core.prune_activity(older_than, limit_count, request_id);
$$;

comment on function public.prune_activity(timestamptz, integer, uuid) is
'For operators: deletes entries of the activity log that are older than a time in the past, the oldest first, up to
limit_count (100000 at most) in one call. Returns how many: call it again until that is 0.';

-- sql/70_activity/read_activity.sql
-- Following the log: each entry once, none missed.
--
-- Followers cannot go by id or timestamp. Both are set before the commit, so an entry may become visible after one with
-- a higher id was read. Here they go by transaction number, up to the oldest transaction that still runs: all earlier
-- ones have ended, so no entry can be added before that. All statements here have one snapshot, because the functions
-- are stable.
--
-- A cursor, 'transaction/id', is always the place of a committed entry. A transaction number alone would not do: after
-- a crash, Postgres gives the number of a transaction that left nothing on disk again.

-- Checks that the cursor and the log are of this database server. After a dump and restore the log may have transaction
-- numbers above the new server's: followers would miss the entries that are written there, because they sort before.
create or replace function core.require_followable(p_last public.agent_activity_logs, p_cursor text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_next constant xid8 := pg_snapshot_xmax(pg_current_snapshot());
begin
  if p_cursor !~ '^[0-9]{1,19}/[0-9]{1,18}$' then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'cursor', 'reason', 'is no cursor', 'value', left(p_cursor, 200)),
      'Send a cursor that read_activity returned, "0/0" for the log''s first entry, or null for what comes from now on.'
    );
  elsif split_part(p_cursor, '/', 1)::xid8 >= v_next then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'cursor', 'reason', 'is of another database server', 'value', p_cursor),
      'Begin anew: with "0/0" at the log''s first entry, or with null.'
    );
  end if;
  -- Entries of this very transaction are fine, though its number may be above the snapshot's.
  if p_last.transaction_id >= v_next and p_last.transaction_id is distinct from pg_current_xact_id_if_assigned() then
    perform core.fail(
      'log_restored',
      jsonb_build_object('transaction_id', p_last.transaction_id, 'next_transaction_id', v_next),
      'Once, as the owner: update public.agent_activity_logs set transaction_id = pg_current_xact_id() where true.'
    );
  end if;
  return true;
end;
$$;

-- The entries after a cursor. force_custom_plan, because a custom plan leaves out the filters that are null.
create or replace function core.next_activity(
  p_workspace text,
  p_cursor text,
  p_limit integer,
  p_agent_name text,
  p_execution_id text,
  p_activity text
)
returns public.activity_page
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_transaction_id constant xid8 := split_part(p_cursor, '/', 1)::xid8;
  v_id constant bigint := split_part(p_cursor, '/', 2)::bigint;
  v_oldest_running constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  -- How many entries a call reads at most; with a filter more than it returns.
  v_scanned constant integer := case
    when coalesce(p_agent_name, p_execution_id, p_activity) is null then p_limit else 5000
  end;
  v_page public.activity_page;
begin
  with scanned as materialized (
    select a as entry, a.transaction_id, a.id from public.agent_activity_logs as a
    where a.workspace = p_workspace
      and (a.transaction_id, a.id) > (v_transaction_id, v_id)
      and a.transaction_id < v_oldest_running
    order by a.transaction_id, a.id
    limit v_scanned
  ),
  wanted as materialized (
    select s.entry, s.transaction_id, s.id from scanned as s
    where (p_agent_name is null or (s.entry).agent_name = p_agent_name)
      and (p_execution_id is null or (s.entry).execution_id = p_execution_id)
      and (p_activity is null or (s.entry).activity = p_activity)
    order by s.transaction_id, s.id
    limit p_limit
  ),
  found as (
    select (select count(*) from wanted) = p_limit as is_full, (select count(*) from scanned) = v_scanned as is_cut
  )
  select
    coalesce((select array_agg(w.entry order by w.transaction_id, w.id) from wanted as w), '{}'),
    coalesce((
      -- The cursor is the last entry of a full page, else the last entry that was read.
      select e.transaction_id || '/' || e.id
      from (
        select w.transaction_id, w.id from wanted as w
        union all
        select s.transaction_id, s.id from scanned as s where not f.is_full
      ) as e
      order by e.transaction_id desc, e.id desc
      limit 1
    ), p_cursor),
    f.is_full or f.is_cut,
    0
  into v_page
  from found as f;
  return v_page;
end;
$$;

-- A read with a core half, because it calls helpers that callers may not.
create or replace function core.read_activity(
  p_cursor text,
  p_limit integer,
  p_agent_name text,
  p_execution_id text,
  p_activity text
)
returns public.activity_page
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_last public.agent_activity_logs;
  v_page public.activity_page;
begin
  perform core.require_whole_number('limit_count', to_jsonb(p_limit), 1, 1000);
  perform core.require_optional_name('agent_name', p_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  if p_activity is not null then
    perform core.require_label('activity', p_activity);
  end if;
  select * into v_last from public.agent_activity_logs as a
  where a.workspace = v_workspace
  order by a.transaction_id desc, a.id desc
  limit 1;
  perform core.require_followable(v_last, p_cursor);
  if p_cursor is null then
    -- After the last entry that a follower could have read by now.
    select a.transaction_id || '/' || a.id into v_page.cursor from public.agent_activity_logs as a
    where a.workspace = v_workspace and a.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    order by a.transaction_id desc, a.id desc
    limit 1;
  elsif p_cursor <> v_last.transaction_id || '/' || v_last.id then
    v_page := core.next_activity(v_workspace, p_cursor, p_limit, p_agent_name, p_execution_id, p_activity);
  end if;
  v_page.entries := coalesce(v_page.entries, '{}');
  v_page.cursor := coalesce(v_page.cursor, p_cursor, '0/0');
  v_page.more := coalesce(v_page.more, false);
  v_page.retry_ms := core.retry_ms(coalesce(clock_timestamp() - v_last."timestamp", interval '1 hour'), 100, 2000);
  return v_page;
end;
$$;

create or replace function public.read_activity(
  "cursor" text default null,
  limit_count integer default 500,
  agent_name text default null,
  execution_id text default null,
  activity text default null
)
returns public.activity_page
language sql
stable
set search_path = ''
as $$
  select core.read_activity("cursor", limit_count, agent_name, execution_id, activity);
$$;

comment on function public.read_activity(text, integer, text, text, text) is
'The next entries of the activity log for a follower: who goes on with the cursor that it got misses none, and gets none
twice, whatever commits in which order.

Without a cursor there are no entries, only the cursor from which to follow what comes from now on; "0/0" is the start
of the log. more: ask again at once, else after retry_ms, which grows while nothing is written. limit_count: 1 to 1000.
Entries come in the order of their transactions, when no older transaction of the database server is writing any more.';

-- sql/70_activity/write_activity.sql
-- Writes the log entry of a mutation, in its transaction. The caller has checked the names: the table does not.
create or replace function core.write_activity(
  p_workspace text,
  p_agent_name text,
  p_activity text,
  p_details jsonb,
  p_execution_id text
)
returns public.agent_activity_logs
language plpgsql
set search_path = ''
as $$
declare
  v_row public.agent_activity_logs;
begin
  insert into public.agent_activity_logs as a (workspace, agent_name, activity, details, execution_id)
  values (p_workspace, p_agent_name, p_activity, p_details, p_execution_id)
  returning a.* into v_row;
  return v_row;
end;
$$;

-- sql/70_activity/get_recent_activity.sql
-- force_custom_plan: a generic plan must serve every combination of filters, and so could use none of the indexes. A
-- custom plan leaves out the filters that are null.
--
-- enable_sort off (entries of one time are sorted all the same): the planner takes hash, text and workspace for
-- independent, and so expects next to no rows. It would sort all rows of a filter instead of reading an index in order.
--
-- A read with a core half, because it calls helpers that callers may not.
create or replace function core.get_recent_activity(
  p_limit integer,
  p_agent_name text,
  p_execution_id text,
  p_activity text,
  p_since timestamptz,
  p_until timestamptz,
  p_before_id bigint
)
returns setof public.agent_activity_logs
language plpgsql
stable
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
set enable_sort = off
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_agent constant bigint := hashtextextended(v_workspace || '/' || p_agent_name, 0);
  v_execution constant bigint := hashtextextended(v_workspace || '/' || p_execution_id, 0);
  v_activity constant bigint := hashtextextended(v_workspace || '/' || p_activity, 0);
  v_before timestamptz;
begin
  perform core.require_whole_number('limit_count', to_jsonb(p_limit), 1, 10000);
  -- An invalid name would find nothing, and the caller would take that for "nothing happened".
  perform core.require_optional_name('agent_name', p_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  if p_activity is not null then
    perform core.require_label('activity', p_activity);
  end if;
  if p_before_id is not null then
    select a."timestamp" into v_before from public.agent_activity_logs as a
    where a.id = p_before_id and a.workspace = v_workspace;
    if not found then
      -- An empty page would look like the end of the log.
      perform core.fail(
        'invalid_argument',
        jsonb_build_object('argument', 'before_id', 'reason', 'names no entry of the log', 'value', p_before_id),
        'Use the id of an entry that was read. If it was pruned since, so was all that came before it.'
      );
    end if;
  end if;
  return query
  select a.* from public.agent_activity_logs as a
  where a.workspace = v_workspace
    -- Each filter by its hash, for the index, and by its text: two texts may have the same hash.
    and (
      p_agent_name is null
      or (hashtextextended(a.workspace || '/' || a.agent_name, 0) = v_agent and a.agent_name = p_agent_name)
    )
    and (
      p_execution_id is null
      or (hashtextextended(a.workspace || '/' || a.execution_id, 0) = v_execution and a.execution_id = p_execution_id)
    )
    and (
      p_activity is null
      or (hashtextextended(a.workspace || '/' || a.activity, 0) = v_activity and a.activity = p_activity)
    )
    and (p_since is null or a."timestamp" >= p_since)
    and (p_until is null or a."timestamp" < p_until)
    and (p_before_id is null or (a."timestamp", a.id) < (v_before, p_before_id))
  order by a."timestamp" desc, a.id desc
  limit p_limit;
end;
$$;

create or replace function public.get_recent_activity(
  limit_count integer default 50,
  agent_name text default null,
  execution_id text default null,
  activity text default null,
  since timestamptz default null,
  until timestamptz default null,
  before_id bigint default null
)
returns setof public.agent_activity_logs
language sql
stable
set search_path = ''
as $$
  select * from core.get_recent_activity(limit_count, agent_name, execution_id, activity, since, until, before_id);
$$;

comment on function public.get_recent_activity(
  integer, text, text, text, timestamptz, timestamptz, bigint
) is
'Entries of the activity log, newest first, up to 10000 at once.

Filters: agent_name, execution_id, activity, since (at or after) and until (before). before_id is the id of an entry:
only what comes after it in this order. The id of a page''s last entry gives the next page.';

-- sql/80_operations/tables.sql
-- Types of the answers of this folder's functions: so generated clients and the API's description have them.
create type public.subsystem_checkout as (
  lease public.agent_locks,
  status public.subsystems,
  requirements public.subsystem_requirements,
  interfaces public.subsystem_interfaces,
  design public.subsystem_designs,
  constraints public.global_constraints,
  inputs public.subsystem_interfaces [],
  input_requirements public.subsystem_requirements [],
  conflicts public.conflicts [],
  blocked_by public.conflicts []
);
comment on type public.subsystem_checkout is 'Answer of checkout_subsystem: the lease and all that its holder needs to
read.';

create type public.subsystem_checkin as (
  status public.subsystems,
  interfaces public.subsystem_interfaces,
  design public.subsystem_designs,
  released boolean
);
comment on type public.subsystem_checkin is 'Answer of checkin_subsystem: the rows that it wrote.';

create type public.health_report as (status text, schema_version text, server_time timestamptz);
comment on type public.health_report is 'Answer of health.';

create type public.workspace as (name text, created_at timestamptz, last_conflict_id bigint);
comment on type public.workspace is 'Answer of init_workspace.';

create type public.workspace_summary as (
  name text,
  created_at timestamptz,
  subsystems bigint,
  complete bigint,
  open_conflicts bigint
);
comment on type public.workspace_summary is 'A row of list_workspaces.';

create type public.import_counts as (section text, imported integer, unchanged integer, refused integer);
comment on type public.import_counts is
'A row of import_state. refused: the database holds something else under that identity and keeps it.';

create type public.execution_release as (
  leases public.agent_locks [],
  waits public.lock_queue [],
  reservations public.budget_reservations []
);
comment on type public.execution_release is 'Answer of release_execution: what it ended.';

create type public.awaited_lock as (
  resource_type text,
  resource_name text,
  position bigint,
  held_by text,
  held_until timestamptz,
  waiting_since timestamptz,
  gives_up_at timestamptz,
  request_id uuid
);
comment on type public.awaited_lock is
'A place in line, 1 for the next; held_by and held_until are null while nobody holds the lock.';

create type public.situation as (
  agent_name text,
  execution_id text,
  subsystem text,
  leases public.agent_locks [],
  waits public.awaited_lock [],
  blocked_by public.conflicts [],
  conflicts public.conflicts [],
  budget public.budget_usage [],
  stale_inputs jsonb,
  activity public.agent_activity_logs [],
  server_time timestamptz
);
comment on type public.situation is 'Answer of get_situation.';

-- sql/80_operations/checkin_subsystem.sql
-- Checks the arguments of a check-in.
create or replace function core.require_checkin(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_fencing_token bigint,
  p_status jsonb,
  p_interfaces jsonb,
  p_design_data jsonb,
  p_activity text,
  p_details jsonb,
  p_release boolean,
  p_accept_stale text,
  p_strict boolean
)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_name('execution_id', p_execution_id);
  perform core.require_present('fencing_token', to_jsonb(p_fencing_token));
  perform core.require_present('release', to_jsonb(p_release));
  perform core.require_present('strict', to_jsonb(p_strict));
  perform core.require_status(p_subsystem, p_status);
  perform core.require_object('details', p_details);
  if p_interfaces is not null then
    perform core.require_object('interfaces', p_interfaces);
  end if;
  if p_design_data is not null then
    perform core.require_object('design_data', p_design_data);
  end if;
  if p_activity is not null then
    perform core.require_label('activity', p_activity);
  end if;
  if p_accept_stale is not null then
    perform core.require_text('accept_stale', p_accept_stale);
  end if;
  return true;
end;
$$;

-- From this check-in on, the subsystem has seen what the checkout with this token has read. What was read under another
-- token does not count: that lease was lost, and the work with it. A subsystem that is complete must have seen the
-- latest content of what it depends on, or give a reason: p_accept_stale, which is logged and accepts the versions of
-- now.
create or replace function core.mark_inputs_seen(
  p_workspace text,
  p_subsystem text,
  p_fencing_token bigint,
  p_is_complete boolean,
  p_accept_stale text,
  p_agent_name text,
  p_execution_id text
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_stale jsonb;
begin
  -- Locks what either update below may change, in the order of all who write dependencies.
  perform from public.document_dependencies as d
  where d.workspace = p_workspace and d.subsystem = p_subsystem
    and (d.read_token = p_fencing_token or p_accept_stale is not null)
  order by d.document, d.on_subsystem
  for update;
  update public.document_dependencies as d set
    seen_version = d.read_version,
    accepted_version = null,  -- it was about the version that was seen before
    read_version = null,
    read_token = null,
    recorded_by = p_agent_name,
    recorded_at = clock_timestamp(),
    execution_id = p_execution_id
  where d.workspace = p_workspace and d.subsystem = p_subsystem and d.read_token = p_fencing_token;
  select jsonb_agg(i.input || jsonb_build_object('changed_paths', core.changed_paths(
    core.document_content(p_workspace, i.document, i.on_subsystem, i.seen_version),
    core.document_content(p_workspace, i.document, i.on_subsystem, i.new_version)
  )) order by i.on_subsystem, i.document)
  into v_stale
  from core.stale_inputs as i
  where p_is_complete and i.workspace = p_workspace and i.subsystem = p_subsystem;
  if v_stale is null then
    return true;
  elsif p_accept_stale is null then
    return core.fail(
      'stale_inputs',
      jsonb_build_object('subsystem', p_subsystem, 'inputs', v_stale),
      'Check it out again with the same reads and redo the work on what comes, or check in with accept_stale and a reason.'
    );
  end if;
  update public.document_dependencies as d set accepted_version = (e.value ->> 'new_version')::integer
  from jsonb_array_elements(v_stale) as e
  where d.workspace = p_workspace and d.subsystem = p_subsystem
    and d.on_subsystem = e.value ->> 'subsystem' and d.document = e.value ->> 'document';
  return core.write_activity(
    p_workspace, p_agent_name, 'stale_inputs_accepted',
    jsonb_build_object('subsystem', p_subsystem, 'reason', p_accept_stale, 'inputs', v_stale),
    p_execution_id
  ) is not null;
end;
$$;

create or replace function core.checkin_subsystem(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_fencing_token bigint,
  p_status jsonb,
  p_interfaces jsonb,
  p_design_data jsonb,
  p_activity text,
  p_details jsonb,
  p_release boolean,
  p_accept_stale text,
  p_strict boolean,
  p_request_id uuid
)
returns public.subsystem_checkin
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_publishes constant boolean := num_nonnulls(p_interfaces, p_design_data) > 0;
  v_request core.request;
  v_status public.subsystems;
  v_interfaces public.subsystem_interfaces;
  v_design public.subsystem_designs;
  v_version integer;
  v_checkin public.subsystem_checkin;
begin
  perform core.require_checkin(
    p_subsystem, p_agent_name, p_execution_id, p_fencing_token, p_status, p_interfaces, p_design_data,
    p_activity, p_details, p_release, p_accept_stale, p_strict
  );
  v_request := core.recall_request(
    v_workspace, p_request_id, 'checkin_subsystem',
    jsonb_build_array(
      p_subsystem, p_agent_name, p_execution_id, p_fencing_token, p_status, p_interfaces, p_design_data,
      p_activity, p_details, p_release, p_accept_stale, p_strict
    )
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.subsystem_checkin, v_request.answer);
  end if;

  -- Locks, in their order, and whether this lease is alive.
  perform core.lock_shared_budget(v_workspace, p_subsystem, p_status);
  perform core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token, p_release);

  -- The writes: status, what the work was made from, documents.
  v_status := core.write_status(v_workspace, p_subsystem, p_status, p_execution_id, p_strict);
  if v_publishes then
    -- In the lock order this comes before dependencies, which mark_inputs_seen changes.
    perform core.lock_publications(v_workspace, array[p_subsystem], true);
  end if;
  if v_status.state = 'complete' or v_publishes then
    -- Only such a check-in says that the work was made from what the checkout has read.
    perform core.mark_inputs_seen(
      v_workspace, p_subsystem, p_fencing_token, v_status.state = 'complete', p_accept_stale,
      p_agent_name, p_execution_id
    );
  end if;
  if p_interfaces is not null then
    v_version := core.write_document(
      v_workspace, 'interfaces', p_subsystem, p_interfaces, p_agent_name, null, p_execution_id, false
    );
    select * into v_interfaces from public.subsystem_interfaces as d
    where d.workspace = v_workspace and d.subsystem_name = p_subsystem and d.version = v_version;
  end if;
  if p_design_data is not null then
    v_version := core.write_document(
      v_workspace, 'design', p_subsystem, p_design_data, p_agent_name, null, p_execution_id, false
    );
    select * into v_design from public.subsystem_designs as d
    where d.workspace = v_workspace and d.subsystem_name = p_subsystem and d.version = v_version;
  end if;

  perform core.write_activity(
    v_workspace, p_agent_name, coalesce(p_activity, 'checked_in'),
    p_details || core.status_details(p_status, v_status) || jsonb_strip_nulls(jsonb_build_object(
      'interfaces_version', v_interfaces.version, 'design_version', v_design.version
    )),
    p_execution_id
  );
  if p_release then
    delete from public.agent_locks as l
    where l.workspace = v_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
      and l.fencing_token = p_fencing_token;
  end if;

  v_checkin := row(v_status, v_interfaces, v_design, p_release);
  perform core.remember_request(v_request, to_jsonb(v_checkin));
  return v_checkin;
end;
$$;

create or replace function public.checkin_subsystem(
  subsystem text,
  agent_name text,
  execution_id text,
  fencing_token bigint,
  status jsonb default '{}',
  interfaces jsonb default null,
  design_data jsonb default null,
  activity text default null,
  details jsonb default '{}',
  release boolean default true,
  accept_stale text default null,
  strict boolean default false,
  request_id uuid default null
)
returns public.subsystem_checkin
language sql
set search_path = ''
as $$
  select core.checkin_subsystem(
    subsystem, agent_name, execution_id, fencing_token, status, interfaces, design_data, activity, details,
    release, accept_stale, strict, request_id
  );
$$;

comment on function public.checkin_subsystem(
  text, text, text, bigint, jsonb, jsonb, jsonb, text, jsonb, boolean, text, boolean, uuid
) is
'Writes status, interfaces and design of a checked-out subsystem, logs it and releases the lease: all or nothing, in
one round trip.

lease_lost, and nothing changes, unless the lease with fencing_token is still alive. release=false keeps the lease.
One that is complete or publishes something says that it was made from what the checkout read.
stale_inputs, and nothing changes, if its state is complete and what it was made from has changed since; unless
accept_stale gives a reason, which is logged. strict: over_budget instead of a conflict about the budget.';

-- sql/80_operations/checkout_subsystem.sql
-- Notes which versions of others' documents the holder of a subsystem's lease has read. p_versions has them by
-- subsystem; of one that is not in it there is no version yet (0). Its own documents are no dependency. A new
-- dependency has seen what was read; an existing one keeps that apart until the check-in, see core.mark_inputs_seen. A
-- repetition of the call notes nothing for existing ones, because it may be a late copy whose answer nobody reads. Work
-- that is taken for older than it is costs a look; for newer, it would hide a change.
create or replace function core.note_reads(
  p_lease public.agent_locks,
  p_document text,
  p_read text[],
  p_versions jsonb,
  p_is_repetition boolean
)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  insert into public.document_dependencies as d (
    workspace, subsystem, on_subsystem, document, seen_version, recorded_by, execution_id
  )
  select distinct
    p_lease.workspace, p_lease.resource_name, n.name, p_document, coalesce((p_versions ->> n.name)::integer, 0),
    p_lease.locked_by, p_lease.execution_id
  from unnest(p_read) as n (name)
  where n.name <> p_lease.resource_name
  order by n.name  -- the lock order
  on conflict (workspace, subsystem, on_subsystem, document) do update set
    read_version = nullif(excluded.seen_version, d.seen_version),
    read_token = case when d.seen_version <> excluded.seen_version then p_lease.fencing_token end
  -- Nothing is written if the same was noted already.
  where not p_is_repetition and (d.read_version, d.read_token) is distinct from (
    nullif(excluded.seen_version, d.seen_version),
    case when d.seen_version <> excluded.seen_version then p_lease.fencing_token end
  );
  return found;
end;
$$;

-- Reads all that an agent needs that has checked a subsystem out, and notes which versions of others' documents it got.
create or replace function core.read_checkout(
  p_lease public.agent_locks,
  p_reads text[],
  p_reads_requirements text[],
  p_is_repetition boolean
)
returns public.subsystem_checkout
language plpgsql
set search_path = ''
as $$
declare
  v_workspace constant text := p_lease.workspace;
  v_subsystem constant text := p_lease.resource_name;
  v_interfaces public.subsystem_interfaces[];
  v_requirements public.subsystem_requirements[];
begin
  perform core.lock_publications(v_workspace, p_reads || p_reads_requirements, false);
  v_interfaces := array(
    select latest.document from (select distinct n.name from unnest(p_reads) as n (name)) as named
    cross join lateral (
      select d from public.subsystem_interfaces as d
      where d.workspace = v_workspace and d.subsystem_name = named.name
      order by d.version desc limit 1
    ) as latest (document)
    order by named.name
  );
  v_requirements := array(
    select latest.document from (select distinct n.name from unnest(p_reads_requirements) as n (name)) as named
    cross join lateral (
      select d from public.subsystem_requirements as d
      where d.workspace = v_workspace and d.subsystem_name = named.name
      order by d.version desc limit 1
    ) as latest (document)
    order by named.name
  );
  perform core.note_reads(
    p_lease, 'interfaces', p_reads,
    (select jsonb_object_agg(d.subsystem_name, d.version) from unnest(v_interfaces) as d), p_is_repetition
  );
  perform core.note_reads(
    p_lease, 'requirements', p_reads_requirements,
    (select jsonb_object_agg(d.subsystem_name, d.version) from unnest(v_requirements) as d), p_is_repetition
  );
  return row(
    p_lease,
    (select s from public.subsystems as s where s.workspace = v_workspace and s.name = v_subsystem),
    (
      select d from public.subsystem_requirements as d
      where d.workspace = v_workspace and d.subsystem_name = v_subsystem
      order by d.version desc limit 1
    ),
    (
      select d from public.subsystem_interfaces as d
      where d.workspace = v_workspace and d.subsystem_name = v_subsystem
      order by d.version desc limit 1
    ),
    (
      select d from public.subsystem_designs as d
      where d.workspace = v_workspace and d.subsystem_name = v_subsystem
      order by d.version desc limit 1
    ),
    (
      select g from public.global_constraints as g
      where g.workspace = v_workspace
      order by g.version desc limit 1
    ),
    v_interfaces,
    v_requirements,
    array(select c from core.get_active_conflicts(p_lease.locked_by) as c),
    '{}'::public.conflicts[]
  )::public.subsystem_checkout;
end;
$$;

create or replace function core.checkout_subsystem(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_reads text[],
  p_reads_requirements text[],
  p_fencing_token bigint,
  p_request_id uuid
)
returns setof public.subsystem_checkout
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_is_repetition boolean := false;
  v_blockers public.conflicts[] := array[]::public.conflicts[];
  v_lease public.agent_locks;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_names('reads', p_reads);
  perform core.require_names('reads_requirements', p_reads_requirements);
  perform core.require_agent('agent_name', p_agent_name);

  -- A repetition gets its lease even if a critical conflict was opened since: else nobody would know of that lease.
  if p_request_id is not null then
    perform core.lock_request(v_workspace, p_request_id);
    v_is_repetition := exists (
      select from core.requests as r where r.workspace = v_workspace and r.request_id = p_request_id
    );
  end if;
  if p_fencing_token is not null then
    -- It is at work already, so no conflict keeps it from looking again.
    v_lease := core.renew_lock(
      'subsystem', p_subsystem, p_execution_id, p_fencing_token, p_ttl_seconds, p_request_id
    );
    return next core.read_checkout(v_lease, p_reads, p_reads_requirements, v_is_repetition);
    return;
  end if;
  if not v_is_repetition then
    v_blockers := core.critical_blockers(v_workspace, p_agent_name);
    if v_blockers = '{}' then
      -- While this waits for a writer of the subsystem, a conflict may be opened. So it locks the fencing counter first
      -- and looks again. No row if the writer does not end in time.
      if not core.lock_fencing_counter(v_workspace, 'subsystem', p_subsystem) then
        return;
      end if;
      v_blockers := core.critical_blockers(v_workspace, p_agent_name);
    end if;
  end if;
  if v_blockers <> '{}' then
    return query select * from jsonb_populate_record(
      null::public.subsystem_checkout, jsonb_build_object('blocked_by', v_blockers)
    );
    return;
  end if;

  -- The request id of the acquire call is enough: a repetition gets the same lease, and what can be read now.
  select * into v_lease from core.acquire_lock(
    'subsystem', p_subsystem, p_agent_name, p_execution_id, p_ttl_seconds, 0, 3, p_request_id
  );
  if found then
    return next core.read_checkout(v_lease, p_reads, p_reads_requirements, v_is_repetition);
  end if;
end;
$$;

create or replace function public.checkout_subsystem(
  subsystem text,
  agent_name text,
  execution_id text,
  ttl_seconds integer default 300,
  reads text[] default '{}',
  reads_requirements text[] default '{}',
  fencing_token bigint default null,
  request_id uuid default null
)
returns setof public.subsystem_checkout
language sql
rows 1
set search_path = ''
as $$
  select core.checkout_subsystem(
    subsystem, agent_name, execution_id, ttl_seconds, reads, reads_requirements, fencing_token, request_id
  );
$$;

comment on function public.checkout_subsystem(text, text, text, integer, text[], text[], bigint, uuid) is
'Takes the lease of a subsystem and reads all that its agent needs, in one round trip; nothing (an empty list) if
somebody holds it, or is writing it and not done within a second.

While an open critical conflict blocks this agent the lease is null, nothing is taken, and blocked_by holds those
conflicts.

reads: other subsystems whose latest interfaces come along as `inputs`, reads_requirements: whose latest requirements
come along as `input_requirements`. The subsystem depends on them, and with the check-in it is made from the versions
that came first, also if a repetition with the same request_id brings newer ones; see system_status.stale_inputs.
conflicts: the open ones that concern this agent.

With the fencing_token of a lease that the execution holds, as after waiting in line for it, nothing is taken: the lease
is renewed, and all is read under it. lease_lost if it has ended.';

-- sql/80_operations/export_state.sql
-- The history of a conflict as an export carries it.
create or replace function core.events_of(p_workspace text, p_conflict_id bigint)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(e) - array['workspace', 'conflict_id'] order by e.event_id), '[]')
    from public.conflict_events as e
    where e.workspace = p_workspace and e.conflict_id = p_conflict_id
  );
end;
$$;

-- A read with a core half, because callers may not read the counters.
--
-- Leases are left out: they are of agents that run now. The fencing counters are in, so that no old token becomes valid
-- again where the document is imported.
create or replace function core.export_state()
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
begin
  return jsonb_build_object(
    'format', 'sharedstate/1',
    'workspace', v_workspace,
    'exported_at', clock_timestamp(),
    'global_constraints', (
      select coalesce(jsonb_agg(to_jsonb(g) - 'workspace' order by g.version), '[]')
      from public.global_constraints as g where g.workspace = v_workspace
    ),
    'subsystems', (
      select coalesce(jsonb_agg(to_jsonb(s) - 'workspace' order by s.name), '[]')
      from public.subsystems as s where s.workspace = v_workspace
    ),
    'subsystem_requirements', (
      select coalesce(jsonb_agg(to_jsonb(d) - 'workspace' order by d.subsystem_name, d.version), '[]')
      from public.subsystem_requirements as d where d.workspace = v_workspace
    ),
    'subsystem_interfaces', (
      select coalesce(jsonb_agg(to_jsonb(d) - 'workspace' order by d.subsystem_name, d.version), '[]')
      from public.subsystem_interfaces as d where d.workspace = v_workspace
    ),
    'subsystem_designs', (
      select coalesce(jsonb_agg(to_jsonb(d) - 'workspace' order by d.subsystem_name, d.version), '[]')
      from public.subsystem_designs as d where d.workspace = v_workspace
    ),
    'document_dependencies', (
      select coalesce(jsonb_agg(
        -- read_version and read_token belong to a lease.
        to_jsonb(d) - array['workspace', 'read_version', 'read_token']
        order by d.subsystem, d.on_subsystem, d.document
      ), '[]')
      from public.document_dependencies as d where d.workspace = v_workspace
    ),
    'conflicts', (
      select coalesce(jsonb_agg(
        to_jsonb(c) - 'workspace' || jsonb_build_object('events', core.events_of(v_workspace, c.conflict_id))
        order by c.conflict_id
      ), '[]')
      from public.conflicts as c where c.workspace = v_workspace
    ),
    'agent_activity_logs', (
      -- An entry that was not imported gets a key made of workspace and id: the same in each export.
      select coalesce(jsonb_agg(
        to_jsonb(a) - array['workspace', 'id', 'transaction_id'] || jsonb_build_object(
          'import_key', coalesce(a.import_key, md5(v_workspace || '/' || a.id)::uuid)
        ) order by a."timestamp", a.id
      ), '[]')
      from public.agent_activity_logs as a where a.workspace = v_workspace
    ),
    'counters', jsonb_build_object(
      'last_conflict_id', (
        select n.last_conflict_id from core.conflict_counters as n where n.workspace = v_workspace
      ),
      'fencing', (
        select coalesce(jsonb_agg(
          to_jsonb(f) - '{workspace, last_granted_at, turn_ms}'::text[] order by f.resource_type, f.resource_name
        ), '[]')
        from core.fencing_counters as f where f.workspace = v_workspace and f.last_token > 0
      )
    )
  );
exception
  when program_limit_exceeded then
    -- A jsonb object or array has at most 256 MB. Most of an export is the log.
    return to_jsonb(core.fail(
      'export_too_large',
      jsonb_build_object('workspace', v_workspace, 'limit_bytes', 268435455),
      'Prune the activity log (sharedstate prune), or save the whole database: sharedstate backup FILE.'
    ));
end;
$$;

create or replace function public.export_state()
returns jsonb
language sql
stable
set search_path = ''
set statement_timeout = '5min'
as $$
  select core.export_state();
$$;

comment on function public.export_state() is
'The whole workspace as one JSON document, for import_state. Leases are not in it, their token counters are.';

-- sql/80_operations/health.sql
create or replace function public.health()
returns public.health_report
language sql
stable
set search_path = ''
as $$
  -- The name of the newest migration, as public.schema_version has it; a test holds all three equal.
  select row('ok', '20261122000000', clock_timestamp())::public.health_report;
$$;

comment on function public.health() is
'Answers if gateway, PostgREST and Postgres work together. The only function that needs no key.';

-- sql/80_operations/import_design.sql
-- The import of the design itself: constraints, subsystems, versions of documents, and dependencies.
--
-- - An entry is identified by its name, its version, or the three names of a dependency. If the database has the same,
--   it is counted as unchanged. If the database has something else, the entry is refused.
-- - Defaults that nobody has touched are replaced: constraints made by init, subsystems that no execution has written.
--
-- Lock order: allocations, the workspace's row, subsystem rows by name, dependencies in their order.

-- Whether an imported version may come after p_latest (0: none yet): the next number, or any number as the first one.
-- A restore jumps over numbers: the first version after it has the one before it as its base, and is not merged.
create or replace function core.may_follow(
  p_version integer,
  p_latest integer,
  p_base_version integer,
  p_merged boolean
)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_version is null
    or p_version = p_latest + 1
    or (p_version > p_latest and (p_latest = 0 or (p_base_version is not distinct from p_latest and p_merged is not true)));
end;
$$;

create or replace function core.import_constraints(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('global_constraints', 0, 0, 0);
  v_entry public.global_constraints;
  v_latest public.global_constraints := core.lock_constraints(p_workspace, true);
  v_is_same boolean;
begin
  perform core.require_constraints('document.global_constraints', e.value) from jsonb_array_elements(p_entries) as e;
  for v_entry in
    select * from jsonb_populate_recordset(null::public.global_constraints, p_entries) as e
    order by e.version
  loop
    v_entry.budget_allocations := coalesce(v_entry.budget_allocations, '{}');
    v_entry.metadata := coalesce(v_entry.metadata, '{}');
    select known.is_same into v_is_same
    from public.global_constraints as g
    cross join lateral (
      select (
        g.total_mass_kg_max, g.total_cost_usd_max, g.height_m, g.voltage_v, g.budget_allocations, g.metadata
      ) is not distinct from (
        v_entry.total_mass_kg_max, v_entry.total_cost_usd_max, v_entry.height_m, v_entry.voltage_v,
        v_entry.budget_allocations, v_entry.metadata
      ) as is_same
    ) as known
    where g.workspace = p_workspace and g.version = coalesce(v_entry.version, g.version)
      and (v_entry.version is not null or known.is_same)
    limit 1;
    if v_is_same then
      v_counts.unchanged := v_counts.unchanged + 1;
      continue;
    end if;
    -- Defaults that nobody has touched are replaced by a first version. After a restore either may not be 1.
    if v_latest.created_by = 'init'
      and (coalesce(v_entry.version, 1) = 1 or (
        v_counts.imported + v_counts.unchanged = 0
        and not core.may_follow(v_entry.version, v_latest.version, v_entry.base_version, v_entry.merged)
      ))
      and not exists (
        select from public.global_constraints as g where g.workspace = p_workspace and g.version < v_latest.version
      )
    then
      delete from public.global_constraints as g where g.workspace = p_workspace and g.version = v_latest.version;
      v_latest.version := 0;
    end if;
    if not core.may_follow(v_entry.version, v_latest.version, v_entry.base_version, v_entry.merged) then
      v_counts.refused := v_counts.refused + 1;
      continue;
    end if;
    v_entry.workspace := p_workspace;
    v_entry.version := coalesce(v_entry.version, v_latest.version + 1);
    v_entry.created_by := coalesce(v_entry.created_by, 'import');
    v_entry.created_at := coalesce(v_entry.created_at, clock_timestamp());
    v_entry.merged := coalesce(v_entry.merged, false);
    perform core.require_name('document.global_constraints.created_by', v_entry.created_by);
    insert into public.global_constraints as g select v_entry.* returning g.* into v_latest;
    v_counts.imported := v_counts.imported + 1;
  end loop;
  return v_counts;
end;
$$;

create or replace function core.import_subsystems(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('subsystems', 0, 0, 0);
  v_entry public.subsystems;
begin
  -- Far below the most that the column can hold, because each write adds 1.
  perform core.require_whole_number('document.subsystems.version', e.value -> 'version', 1, 1::bigint << 53)
  from jsonb_array_elements(p_entries) as e
  where jsonb_typeof(e.value -> 'version') <> 'null';
  for v_entry in
    select * from jsonb_populate_recordset(null::public.subsystems, p_entries) as e
    order by e.name
  loop
    v_entry.workspace := p_workspace;
    v_entry.state := coalesce(v_entry.state, 'not_started');
    v_entry.current_mass_kg := coalesce(v_entry.current_mass_kg, 0);
    v_entry.current_cost_usd := coalesce(v_entry.current_cost_usd, 0);
    v_entry.current_power_w := coalesce(v_entry.current_power_w, 0);
    v_entry.iteration := coalesce(v_entry.iteration, 0);
    v_entry.metadata := coalesce(v_entry.metadata, '{}');
    v_entry.version := coalesce(v_entry.version, 1);
    v_entry.created_at := coalesce(v_entry.created_at, clock_timestamp());
    v_entry.updated_at := coalesce(v_entry.updated_at, v_entry.created_at);
    perform core.require_name('document.subsystems.name', v_entry.name);
    perform core.require_label('document.subsystems.state', v_entry.state);
    -- A row that no execution has written is replaced: so a status that was repaired in its file can be imported again.
    -- If it is the same, nothing is written.
    insert into public.subsystems as s select v_entry.*
    on conflict (workspace, name) do update set
      state = excluded.state,
      current_mass_kg = excluded.current_mass_kg,
      current_cost_usd = excluded.current_cost_usd,
      current_power_w = excluded.current_power_w,
      within_budget = excluded.within_budget,
      iteration = excluded.iteration,
      metadata = excluded.metadata,
      version = excluded.version,
      last_execution_id = excluded.last_execution_id,
      created_at = excluded.created_at,
      updated_at = excluded.updated_at
    where coalesce(s.last_execution_id, 'init') = 'init' and (
      s.state, s.current_mass_kg, s.current_cost_usd, s.current_power_w, s.iteration, s.metadata
    ) is distinct from (
      excluded.state, excluded.current_mass_kg, excluded.current_cost_usd, excluded.current_power_w,
      excluded.iteration, excluded.metadata
    );
    if found then
      v_counts.imported := v_counts.imported + 1;
      continue;
    end if;
    -- within_budget is not compared: the database decides it.
    perform from public.subsystems as s
    where s.workspace = p_workspace and s.name = v_entry.name and (
      s.state, s.current_mass_kg, s.current_cost_usd, s.current_power_w, s.iteration, s.metadata
    ) is not distinct from (
      v_entry.state, v_entry.current_mass_kg, v_entry.current_cost_usd, v_entry.current_power_w,
      v_entry.iteration, v_entry.metadata
    );
    v_counts.unchanged := v_counts.unchanged + found::integer;
    v_counts.refused := v_counts.refused + (not found)::integer;
  end loop;
  return v_counts;
end;
$$;

-- Imports the versions of one kind of document, given by its table and the column with the content.
create or replace function core.import_documents(p_workspace text, p_table text, p_column text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row(p_table, 0, 0, 0);
  v_entry record;
  v_latest integer;
  v_known integer;
begin
  for v_entry in
    select r.*, e.value -> p_column as content
    from jsonb_array_elements(p_entries) with ordinality as e (value, place)
    -- The columns that the three tables have in common.
    cross join lateral jsonb_to_record(e.value) as r (
      subsystem_name text, version integer, created_by text, created_at timestamptz, base_version integer, merged boolean
    )
    order by r.subsystem_name, r.version, e.place
  loop
    perform core.require_name('document.' || p_table || '.subsystem_name', v_entry.subsystem_name);
    perform core.require_name('document.' || p_table || '.created_by', coalesce(v_entry.created_by, 'import'));
    perform core.lock_subsystem(p_workspace, v_entry.subsystem_name);
    -- An entry is compared with the version that it names, or if it names none with all of them.
    execute format(
      'select
         (select coalesce(max(version), 0) from public.%2$I where workspace = $1 and subsystem_name = $2),
         (select min(version) from public.%2$I
          where workspace = $1 and subsystem_name = $2 and version = coalesce($4, version) and %1$I = $3)',
      p_column, p_table
    ) into v_latest, v_known using p_workspace, v_entry.subsystem_name, v_entry.content, v_entry.version;
    if v_known is not null then
      v_counts.unchanged := v_counts.unchanged + 1;
    elsif not core.may_follow(v_entry.version, v_latest, v_entry.base_version, v_entry.merged) then
      v_counts.refused := v_counts.refused + 1;
    else
      execute format(
        'insert into public.%I (
           workspace, subsystem_name, version, %I, created_by, created_at, base_version, merged
         ) values ($1, $2, $3, $4, $5, $6, $7, $8)', p_table, p_column
      ) using p_workspace, v_entry.subsystem_name, coalesce(v_entry.version, v_latest + 1), v_entry.content,
        coalesce(v_entry.created_by, 'import'), coalesce(v_entry.created_at, clock_timestamp()),
        v_entry.base_version, coalesce(v_entry.merged, false);
      v_counts.imported := v_counts.imported + 1;
    end if;
  end loop;
  return v_counts;
end;
$$;

create or replace function core.import_dependencies(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('document_dependencies', 0, 0, 0);
  v_entry public.document_dependencies;
begin
  for v_entry in
    select * from jsonb_populate_recordset(null::public.document_dependencies, p_entries) as e
    order by e.subsystem, e.document, e.on_subsystem  -- the lock order
  loop
    v_entry.workspace := p_workspace;
    v_entry.read_version := null;  -- belongs to a lease, and leases are not imported
    v_entry.read_token := null;
    v_entry.recorded_by := coalesce(v_entry.recorded_by, 'import');
    v_entry.recorded_at := coalesce(v_entry.recorded_at, clock_timestamp());
    perform core.require_name('document.document_dependencies.subsystem', v_entry.subsystem);
    perform core.require_name('document.document_dependencies.on_subsystem', v_entry.on_subsystem);
    perform core.require_name('document.document_dependencies.recorded_by', v_entry.recorded_by);
    insert into public.document_dependencies as d select v_entry.* on conflict do nothing;
    if found then
      v_counts.imported := v_counts.imported + 1;
      continue;
    end if;
    perform from public.document_dependencies as d
    where d.workspace = p_workspace and d.subsystem = v_entry.subsystem
      and d.on_subsystem = v_entry.on_subsystem and d.document = v_entry.document
      and (d.seen_version, d.accepted_version) is not distinct from (v_entry.seen_version, v_entry.accepted_version);
    v_counts.unchanged := v_counts.unchanged + found::integer;
    v_counts.refused := v_counts.refused + (not found)::integer;
  end loop;
  return v_counts;
end;
$$;

-- sql/80_operations/import_records.sql
-- The import of what has happened: counters, conflicts with their histories, the log.
--
-- - A number or token that was given is never given again, so counters only grow. They are limited far below what the
--   columns can hold: a counter at its end would stop its workspace for good.
-- - A conflict is identified by its number, an entry of the log by its import_key. What the database has stays as it
--   is.
-- - A conflict comes with its events. If it is refused, so are its events.
--
-- Lock order: fencing counters by resource; after the subsystem rows the conflict counter (core.import_state locks it),
-- then conflicts.

create or replace function core.import_fencing_counters(p_workspace text, p_counters jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_most constant bigint := 1::bigint << 53;
  v_counts public.import_counts := row('counters', 0, 0, 0);
  v_entry jsonb;
begin
  if p_counters ? 'last_conflict_id' then
    perform core.require_whole_number('document.counters.last_conflict_id', p_counters -> 'last_conflict_id', 0, v_most);
  end if;
  if jsonb_typeof(p_counters -> 'fencing') <> 'array' then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'document.counters.fencing', 'reason', 'is no list'),
      'Send the counters of export_state.'
    );
  end if;
  for v_entry in select e.value from jsonb_array_elements(p_counters -> 'fencing') as e loop
    perform core.require_object('document.counters.fencing', v_entry);
    perform core.require_name('document.counters.fencing.resource_type', v_entry ->> 'resource_type');
    perform core.require_name('document.counters.fencing.resource_name', v_entry ->> 'resource_name');
    perform core.require_whole_number('document.counters.fencing.last_token', v_entry -> 'last_token', 1, v_most);
  end loop;
  insert into core.fencing_counters as f (workspace, resource_type, resource_name, last_token)
  select p_workspace, e.resource_type, e.resource_name, e.last_token
  from jsonb_populate_recordset(null::core.fencing_counters, p_counters -> 'fencing') as e
  order by e.resource_type, e.resource_name
  on conflict (workspace, resource_type, resource_name)
  do update set last_token = excluded.last_token where f.last_token < excluded.last_token;
  get diagnostics v_counts.imported = row_count;
  v_counts.unchanged := coalesce(jsonb_array_length(p_counters -> 'fencing'), 0) - v_counts.imported;
  return v_counts;
end;
$$;

-- Imports the events of a conflict. If it has none, they are made from its columns: opened, and perhaps resolved.
create or replace function core.import_conflict_events(p_conflict public.conflicts, p_events jsonb)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  perform core.require_name('document.conflicts.events.agent_name', e.agent_name)
  from jsonb_populate_recordset(null::public.conflict_events, p_events) as e;
  insert into public.conflict_events (
    workspace, conflict_id, event_id, event, agent_name, details, created_at, execution_id
  )
  select
    p_conflict.workspace, p_conflict.conflict_id, row_number() over (order by e.event_id), e.event, e.agent_name,
    coalesce(e.details, '{}'), coalesce(e.created_at, p_conflict.created_at), e.execution_id
  from jsonb_populate_recordset(null::public.conflict_events, p_events) as e;
  get diagnostics v_count = row_count;
  if v_count > 0 then
    return v_count;
  end if;
  insert into public.conflict_events (
    workspace, conflict_id, event_id, event, agent_name, details, created_at, execution_id
  ) values (
    p_conflict.workspace, p_conflict.conflict_id, 1, 'opened', p_conflict.source_agent,
    jsonb_build_object(
      'severity', p_conflict.severity, 'priority', p_conflict.priority, 'target_agent', p_conflict.target_agent,
      'description', p_conflict.description, 'details', p_conflict.details, 'blocks_agents', p_conflict.blocks_agents
    ),
    p_conflict.created_at, p_conflict.execution_id
  );
  if p_conflict.status = 'open' then
    return 1;
  end if;
  insert into public.conflict_events (
    workspace, conflict_id, event_id, event, agent_name, details, created_at
  ) values (
    p_conflict.workspace, p_conflict.conflict_id, 2, 'resolved',
    coalesce(p_conflict.resolved_by, p_conflict.target_agent),
    jsonb_build_object('resolution', p_conflict.resolution), p_conflict.resolved_at
  );
  return 2;
end;
$$;

-- The caller holds the conflict counter, so that no other conflict is numbered.
create or replace function core.import_conflicts(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('conflicts', 0, 0, 0);
  v_entry public.conflicts;
  v_events jsonb;
begin
  perform core.require_whole_number('document.conflicts.conflict_id', e.value -> 'conflict_id', 1, 1::bigint << 53)
  from jsonb_array_elements(p_entries) as e;
  for v_events in
    select e.value from jsonb_array_elements(p_entries) as e order by (e.value -> 'conflict_id')::numeric
  loop
    v_entry := jsonb_populate_record(null::public.conflicts, v_events);
    v_events := v_events -> 'events';
    v_entry.workspace := p_workspace;
    v_entry.priority := coalesce(v_entry.priority, 3);
    v_entry.details := coalesce(v_entry.details, '{}');
    v_entry.blocks_agents := coalesce(v_entry.blocks_agents, '{}');
    v_entry.status := coalesce(v_entry.status, 'open');
    v_entry.created_at := coalesce(v_entry.created_at, clock_timestamp());
    v_entry.reported_to := coalesce(v_entry.reported_to, v_entry.target_agent);
    v_entry.reports := coalesce(v_entry.reports, 1);
    v_entry.last_reported_at := coalesce(v_entry.last_reported_at, v_entry.created_at);
    perform core.require_name('document.conflicts.source_agent', v_entry.source_agent);
    perform core.require_name('document.conflicts.target_agent', v_entry.target_agent);
    perform core.require_name('document.conflicts.reported_to', v_entry.reported_to);
    perform core.require_optional_name('document.conflicts.resolved_by', v_entry.resolved_by);
    if v_entry.conflict_key is not null then
      perform core.require_label('document.conflicts.conflict_key', v_entry.conflict_key);
    end if;
    if exists (
      select from public.conflicts as c where c.workspace = p_workspace and c.conflict_id = v_entry.conflict_id
    ) then
      perform from public.conflicts as c
      where c.workspace = p_workspace and c.conflict_id = v_entry.conflict_id and (
        c.severity, c.priority, c.source_agent, c.target_agent, c.description, c.details, c.blocks_agents, c.status,
        c.resolution, c.conflict_key, c.reported_to, c.reports
      ) is not distinct from (
        v_entry.severity, v_entry.priority, v_entry.source_agent, v_entry.target_agent, v_entry.description,
        v_entry.details, v_entry.blocks_agents, v_entry.status, v_entry.resolution, v_entry.conflict_key,
        v_entry.reported_to, v_entry.reports
      ) and coalesce(v_events, '[]') in ('[]', core.events_of(p_workspace, c.conflict_id));
      v_counts.unchanged := v_counts.unchanged + found::integer;
      v_counts.refused := v_counts.refused + (not found)::integer;
      continue;
    end if;
    -- If one of the same source, target and key is open under another number, that stays.
    if v_entry.status = 'open' and core.find_duplicate(v_entry, v_entry.target_agent) is not null then
      v_counts.refused := v_counts.refused + 1;
    else
      insert into public.conflicts select v_entry.*;
      perform core.import_conflict_events(v_entry, v_events);
      v_counts.imported := v_counts.imported + 1;
    end if;
    update core.conflict_counters as n set last_conflict_id = v_entry.conflict_id
    where n.workspace = p_workspace and n.last_conflict_id < v_entry.conflict_id;
  end loop;
  return v_counts;
end;
$$;

create or replace function core.import_activity(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('agent_activity_logs', 0, 0, 0);
begin
  if jsonb_path_exists(p_entries, '$[*] ? (!exists(@.import_key) || @.import_key == null)') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'document.agent_activity_logs', 'reason', 'has an entry without import_key'),
      'Give each entry a uuid that stays the same when it is imported again.'
    );
  end if;
  -- Each name is checked once: a log has many entries and few names.
  perform core.require_name('document.agent_activity_logs.agent_name', n.name)
  from (select distinct e.value ->> 'agent_name' as name from jsonb_array_elements(p_entries) as e) as n;
  perform core.require_label('document.agent_activity_logs.activity', n.label)
  from (select distinct e.value ->> 'activity' as label from jsonb_array_elements(p_entries) as e) as n;
  insert into public.agent_activity_logs (
    workspace, agent_name, activity, details, execution_id, "timestamp", import_key
  )
  select
    p_workspace, e.agent_name, e.activity, coalesce(e.details, '{}'), e.execution_id,
    coalesce(e."timestamp", clock_timestamp()), e.import_key
  from jsonb_populate_recordset(null::public.agent_activity_logs, p_entries) as e
  on conflict (workspace, import_key) where import_key is not null do nothing;
  get diagnostics v_counts.imported = row_count;
  v_counts.unchanged := coalesce(jsonb_array_length(p_entries), 0) - v_counts.imported;
  return v_counts;
end;
$$;

-- sql/80_operations/import_state.sql
-- Checks the document and its sections. Entries are checked where they are imported.
create or replace function core.require_import_document(p_document jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_section record;
begin
  -- An object of 200 levels may be six levels deep in the document: conflicts[i].events[j].details.details.
  perform core.require_object('document', p_document, 206);
  if p_document ->> 'format' is distinct from 'sharedstate/1' then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'document.format', 'reason', 'is unknown', 'value', p_document -> 'format'),
      'Send a document made by export_state: its format is sharedstate/1.'
    );
  end if;
  for v_section in select * from jsonb_each(p_document - array['format', 'workspace', 'exported_at']) loop
    if v_section.key = 'counters' then
      perform core.require_object('document.counters', v_section.value);
    elsif v_section.key not in (
      'global_constraints', 'subsystems', 'subsystem_requirements', 'subsystem_interfaces',
      'subsystem_designs', 'document_dependencies', 'conflicts', 'agent_activity_logs'
    ) or not jsonb_path_match(
      v_section.value, 'strict $.type() == "array" && !exists($[*] ? (@.type() != "object"))'
    ) then
      perform core.fail(
        'invalid_argument',
        jsonb_build_object(
          'argument', 'document.' || left(v_section.key, 100), 'reason', 'is no known list of objects'
        ),
        'Send the sections of export_state, each a list of objects.'
      );
    end if;
  end loop;
  return true;
end;
$$;

create or replace function core.import_state(p_document jsonb, p_request_id uuid)
returns setof public.import_counts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_last_conflict_id constant jsonb := p_document -> 'counters' -> 'last_conflict_id';
  v_request core.request;
  v_counts public.import_counts[];
  v_conflicts public.import_counts;
begin
  perform core.require_import_document(p_document);
  v_request := core.recall_request(v_workspace, p_request_id, 'import_state', p_document);
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.import_counts, v_request.answer);
    return;
  end if;
  begin
    v_counts := array[
      core.import_constraints(v_workspace, p_document -> 'global_constraints'),
      core.import_fencing_counters(v_workspace, p_document -> 'counters'),
      core.import_subsystems(v_workspace, p_document -> 'subsystems')
    ];
    perform core.correct_within_budget(core.lock_constraints(v_workspace));
    v_counts := v_counts || array[
      core.import_documents(
        v_workspace, 'subsystem_requirements', 'requirements', p_document -> 'subsystem_requirements'
      ),
      core.import_documents(v_workspace, 'subsystem_interfaces', 'interfaces', p_document -> 'subsystem_interfaces'),
      core.import_documents(v_workspace, 'subsystem_designs', 'design_data', p_document -> 'subsystem_designs')
    ];
    -- In the lock order the conflict counter comes after the subsystems, and before the dependencies.
    perform core.lock_conflict_counter(v_workspace);
    if v_last_conflict_id is not null then
      update core.conflict_counters as n set last_conflict_id = v_last_conflict_id::bigint
      where n.workspace = v_workspace and n.last_conflict_id < v_last_conflict_id::bigint;
      v_counts[2].imported := v_counts[2].imported + found::integer;
      v_counts[2].unchanged := v_counts[2].unchanged + (not found)::integer;
    end if;
    v_conflicts := core.import_conflicts(v_workspace, p_document -> 'conflicts');
    v_counts := v_counts || array[
      core.import_dependencies(v_workspace, p_document -> 'document_dependencies'),
      v_conflicts,
      core.import_activity(v_workspace, p_document -> 'agent_activity_logs')
    ];
  exception
    when data_exception or integrity_constraint_violation or cardinality_violation then
      perform core.fail(
        'invalid_argument',
        jsonb_build_object('argument', 'document', 'reason', sqlerrm),
        'Nothing of this document was imported; correct the entry and import it again.'
      );
  end;
  perform core.remember_request(v_request, to_jsonb(v_counts));
  return query select * from unnest(v_counts);
end;
$$;

create or replace function public.import_state(document jsonb, request_id uuid default null)
returns setof public.import_counts
language sql
set search_path = ''
set statement_timeout = '5min'
as $$
  select * from core.import_state(document, request_id);
$$;

comment on function public.import_state(jsonb, uuid) is
'For operators: adds the entries of a document (format sharedstate/1; any part of one will do) that are not there yet,
and counts them by section.

An entry is known by its identity (name, version, number, import_key). An identical one is unchanged, a default that
nobody has touched gives way, anything else is refused and left as it is. Importing again changes nothing.';

-- sql/80_operations/init_workspace.sql
-- The default design: the limits, budgets and subsystems of the humanoid. Only adds what is absent. It is marked
-- `init`: an import replaces it as long as nobody has touched it. Statuses that exist already are judged by these
-- limits; the subsystems that are made here are not, so they are made last. That is within the lock order, because all
-- who make a subsystem lock the workspace's row: none is waited for.
create or replace function core.write_defaults(p_workspace text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_latest constant public.global_constraints := core.lock_constraints(p_workspace, true);
  v_count integer;
begin
  if v_latest.version = 0 then
    perform core.write_constraints(v_latest, jsonb_populate_record(v_latest, '{
      "total_mass_kg_max": 45, "total_cost_usd_max": 15000, "height_m": 1.75, "voltage_v": 48,
      "budget_allocations": {
        "skeleton": {"mass_kg": 15, "cost_usd": 3000},
        "actuation": {"mass_kg": 12, "cost_usd": 6000, "power_w": 800},
        "power": {"mass_kg": 8, "cost_usd": 2000, "power_w": 50},
        "sensing": {"mass_kg": 3, "cost_usd": 2500, "power_w": 50},
        "shell": {"mass_kg": 5, "cost_usd": 1000},
        "reserve": {"mass_kg": 2, "cost_usd": 500}
      }
    }'), 'init', null, null);
  end if;
  insert into public.subsystems (workspace, name, last_execution_id)
  select p_workspace, n.name, 'init'
  from unnest(array[
    'actuation', 'integration', 'power', 'sensing', 'shell', 'skeleton', 'system_architect'
  ]) as n (name)
  on conflict do nothing;
  get diagnostics v_count = row_count;
  return v_count + (v_latest.version = 0)::integer;
end;
$$;

create or replace function core.init_workspace(p_workspace_name text, p_with_defaults boolean, p_request_id uuid)
returns public.workspace
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_request core.request;
  v_row public.workspace;
begin
  perform core.require_name('workspace_name', p_workspace_name);
  perform core.require_present('with_defaults', to_jsonb(p_with_defaults));
  if not core.is_open_workspace(p_workspace_name) then
    perform core.fail(
      'unknown_workspace',
      jsonb_build_object('workspace', p_workspace_name),
      'This token names another workspace. Use one that names none.'
    );
  end if;
  v_request := core.recall_request(
    p_workspace_name, p_request_id, 'init_workspace', jsonb_build_array(p_workspace_name, p_with_defaults)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.workspace, v_request.answer);
  end if;
  insert into core.workspaces (name) values (p_workspace_name) on conflict do nothing;
  insert into core.conflict_counters (workspace) values (p_workspace_name) on conflict do nothing;
  if p_with_defaults and core.write_defaults(p_workspace_name) > 0 then
    perform core.write_activity(p_workspace_name, 'init', 'workspace_initialized', '{}', null);
  end if;
  select w.name, w.created_at, n.last_conflict_id into v_row
  from core.workspaces as w
  inner join core.conflict_counters as n on w.name = n.workspace
  where w.name = p_workspace_name;
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.init_workspace(
  workspace_name text,
  with_defaults boolean default true,
  request_id uuid default null
)
returns public.workspace
language sql
set search_path = ''
as $$
  select core.init_workspace(workspace_name, with_defaults, request_id);
$$;

comment on function public.init_workspace(text, boolean, uuid) is
'For operators: makes a workspace if there is none of that name, fills in the default budgets and subsystems where
there are none, and returns it.';

-- sql/80_operations/list_workspaces.sql
-- A read with a core half, because row level security shows a caller the rows of one workspace alone.
create or replace function core.list_workspaces()
returns setof public.workspace_summary
language sql
stable
security definer
set search_path = ''
as $$
  select
    w.name,
    w.created_at,
    count(s.name),
    count(s.name) filter (where s.state = 'complete'),
    (select count(*) from public.conflicts as c where c.workspace = w.name and c.status = 'open')
  from core.workspaces as w
  left join public.subsystems as s on w.name = s.workspace
  where core.is_open_workspace(w.name)
  group by w.name
  order by w.created_at, w.name;
$$;

create or replace function public.list_workspaces()
returns setof public.workspace_summary
language sql
stable
set search_path = ''
as $$
  select * from core.list_workspaces();
$$;

comment on function public.list_workspaces() is
'For operators: every workspace with how many subsystems it has, how many are complete, and its open conflicts. To a
token that names a workspace: that one.';

-- sql/80_operations/release_execution.sql
-- The executions that are meant: the one of that name, or all whose name begins with it when it ends in a colon.
create or replace function core.executions_of(p_workspace text, p_execution_id text)
returns text[]
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_execution_id not like '%:' then
    return array[p_execution_id];
  end if;
  return array(
    select l.execution_id from public.agent_locks as l
    where l.workspace = p_workspace and starts_with(l.execution_id, p_execution_id)
    union
    select t.execution_id from core.lock_tickets as t
    where t.workspace = p_workspace and starts_with(t.execution_id, p_execution_id)
    union
    select r.execution_id from public.budget_reservations as r
    where r.workspace = p_workspace and starts_with(r.execution_id, p_execution_id)
  );
end;
$$;

-- Takes these requests out of the line, and returns their places. Each counts as answered with nothing, or a late
-- repetition of its acquire call would get in line again. One that was granted meanwhile is no longer there to take.
create or replace function core.end_waits(p_workspace text, p_request_ids uuid[])
returns public.lock_queue[]
language plpgsql
set search_path = ''
as $$
declare
  v_waits public.lock_queue[];
begin
  -- In the lock order: a waiter that refuses a newer wait to end a deadlock locks that one, and then its own.
  perform from core.lock_tickets as t
  where t.workspace = p_workspace and t.request_id = any(p_request_ids)
  order by t.ticket_id desc
  for update;
  with gone as (
    delete from core.lock_tickets as t
    where t.workspace = p_workspace and t.request_id = any(p_request_ids)
    returning t.request_id, t.arguments_hash
  ), answered as (
    insert into core.requests (workspace, request_id, function_name, arguments_hash, answer)
    select p_workspace, g.request_id, 'acquire_locks', g.arguments_hash, '[]' from gone as g
    on conflict do nothing
  )
  -- As the line was when this statement began.
  select array(
    select q from public.lock_queue as q
    where q.workspace = p_workspace and q.request_id in (select g.request_id from gone as g)
    order by q.resource_type, q.resource_name, q.position
  ) into v_waits;
  return v_waits;
end;
$$;

-- In the lock order: request ids, leases, tickets, reservations. The leases are locked before the tickets go, and
-- deleted after that: with its tickets still in line, what one agent of a session gives back would be handed over to
-- another.
create or replace function core.release_execution(p_execution_id text, p_request_id uuid)
returns public.execution_release
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_executions text[];
  v_waiting uuid[];
  v_reserved uuid[];
  v_answer public.execution_release;
begin
  perform core.require_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'release_execution', jsonb_build_array(p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.execution_release, v_request.answer);
  end if;
  v_executions := core.executions_of(v_workspace, p_execution_id);
  v_waiting := array(
    select t.request_id from core.lock_tickets as t
    where t.workspace = v_workspace and t.execution_id = any(v_executions)
      and t.agent_name = coalesce(core.claimed_agent(), t.agent_name)
    order by t.request_id
  );
  -- Behind the repetition of an acquire call that is under way: it would not find its ticket, and queue anew.
  perform core.lock_request(v_workspace, w.request_id) from unnest(v_waiting) as w (request_id);
  perform from public.agent_locks as l
  where l.workspace = v_workspace and l.execution_id = any(v_executions)
    and l.locked_by = coalesce(core.claimed_agent(), l.locked_by) and l.expires_at > clock_timestamp()
  order by l.resource_type, l.resource_name
  for update;
  v_answer.waits := core.end_waits(v_workspace, v_waiting);
  -- Read before the leases end: with them, reservations that are tied to one are live no more.
  v_reserved := array(
    select r.reservation_id from core.live_reservations as r
    where r.workspace = v_workspace and r.execution_id = any(v_executions)
      and r.agent_name = coalesce(core.claimed_agent(), r.agent_name)
  );
  -- With those above, what was handed over to one of its waits while we waited: out of the lock
  -- order, but nobody else is after it, for its client does not know of it yet.
  with ended as (
    delete from public.agent_locks as l
    where l.workspace = v_workspace and l.execution_id = any(v_executions)
      and l.locked_by = coalesce(core.claimed_agent(), l.locked_by) and l.expires_at > clock_timestamp()
    returning l as lease
  )
  select array(select e.lease from ended as e order by (e.lease).resource_type, (e.lease).resource_name)
  into v_answer.leases;
  v_answer.reservations := core.end_reservations(v_workspace, v_reserved);
  perform core.remember_request(v_request, to_jsonb(v_answer));
  return v_answer;
end;
$$;

create or replace function public.release_execution(execution_id text, request_id uuid default null)
returns public.execution_release
language sql
set search_path = ''
as $$
  select core.release_execution(execution_id, request_id);
$$;

comment on function public.release_execution(text, uuid) is
'Ends all leases, places in line and budget reservations of an execution, and answers what it ended. With a text that
ends in a colon, such as "session-7:", those of every execution that begins with it.

What it held goes to the next in line at once. Writes with its tokens are refused from then on, and a late repetition of
an acquire call gets nothing. The execution may begin anew.';

-- sql/80_operations/schema_version.sql
create or replace function public.schema_version()
returns text
language sql
stable
set search_path = ''
as $$
  -- The name of the newest migration, as public.health has it; a test holds all three equal.
  select '20261122000000';
$$;

comment on function public.schema_version() is
'The version of the newest migration in this database: 14 digits.';

-- sql/80_operations/system_status.sql
create view public.system_status
with (security_invoker = true) as
select
  s.workspace,
  s.name,
  s.state,
  s.current_mass_kg,
  (b.budget ->> 'mass_kg')::numeric as budget_mass_kg,
  s.current_cost_usd,
  (b.budget ->> 'cost_usd')::numeric as budget_cost_usd,
  s.current_power_w,
  (b.budget ->> 'power_w')::numeric as budget_power_w,
  s.within_budget,
  s.iteration,
  s.version,
  l.locked_by,
  l.expires_at as lock_expires_at,
  coalesce(c.active_conflicts, 0) as active_conflicts,
  coalesce(d.inputs, '[]') as stale_inputs,
  s.updated_at
from public.subsystems as s
left join lateral (
  select g.budget_allocations -> s.name as budget
  from public.global_constraints as g
  where g.workspace = s.workspace
  order by g.version desc
  limit 1
) as b on true
left join public.agent_locks as l
  on
    s.workspace = l.workspace
    and l.resource_type = 'subsystem'
    and s.name = l.resource_name
    and l.expires_at > clock_timestamp()
left join (
  -- Counts each open conflict once for each of its subsystems, in one pass. Conflicts among the same agents are counted
  -- together first.
  select
    p.workspace,
    p.subsystem,
    sum(p.conflicts)::bigint as active_conflicts
  from (
    select distinct
      o.workspace,
      -- As core.agent_subsystem; to call that for each name would take most of the view's time.
      case
        when o.agent like '_%\_agent' then left(o.agent, -6)
        when o.agent like '_%\_designer' then left(o.agent, -9)
        else o.agent
      end as subsystem,
      o.first_id,
      o.conflicts
    from (
      select
        e.workspace,
        unnest(e.blocks_agents || e.source_agent || e.target_agent) as agent,
        min(e.conflict_id) as first_id,
        count(*) as conflicts
      from public.conflicts as e
      where e.status = 'open'
      group by e.workspace, e.source_agent, e.target_agent, e.blocks_agents
    ) as o
  ) as p
  group by p.workspace, p.subsystem
) as c
  on s.workspace = c.workspace and s.name = c.subsystem
left join (
  select
    i.workspace,
    i.subsystem,
    jsonb_agg(i.input order by i.on_subsystem, i.document) as inputs
  from core.stale_inputs as i
  group by i.workspace, i.subsystem
) as d
  on s.workspace = d.workspace and s.name = d.subsystem
order by s.workspace, s.name;

comment on view public.system_status is
'Each subsystem with its budget, who holds its lock, how many open conflicts concern it, and which of the documents that
it was made from have changed since.';

-- sql/80_operations/get_board.sql
-- All of it is of one moment: the feed goes on exactly where the lists stand. Its first page ends where read_activity
-- begins for who has no cursor, so the next one neither skips nor repeats an entry.
--
-- In two halves although it only reads, because whoever looks on calls it each second. Postgres keeps the plan of the
-- private half. Without one it would plan these ten tables at each call, each with its row level security: that takes
-- half as long again. So each query here names the workspace itself.
--
-- json, which is written once, and not jsonb, which is built and then written. The totals are those of the view
-- budget_usage, which finds them for every workspace before it shows one. No sequential scans, as in all that reads the
-- queue: see 30_locks/tables.sql.
create or replace function core.get_board(p_cursor text, p_limit integer)
returns json
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_workspace constant text := core.current_workspace();
begin
  return (
    with subsystems as materialized (
      select s.* from public.system_status as s
      where s.workspace = v_workspace
    ),
    leases as materialized (
      select l.* from public.agent_locks as l
      where l.workspace = v_workspace and l.expires_at > clock_timestamp()
    ),
    queue as materialized (
      select q.* from public.lock_queue as q
      where q.workspace = v_workspace
    ),
    waiters as materialized (
      select q.resource_name as subsystem, count(*) as queue_length from queue as q
      where q.resource_type = 'subsystem'
      group by q.resource_name
    ),
    totals as (
      select
        v_workspace as workspace,
        'robot' as scope,
        'robot' as name,
        t.quantity,
        t.allocated,
        t.used,
        t.held,
        t.allocated - t.used - t.held as remaining,
        round(t.used / nullif(t.allocated, 0), 4) as share
      from (
        select
          coalesce(sum(s.current_mass_kg), 0) as mass_kg,
          coalesce(sum(s.current_cost_usd), 0) as cost_usd,
          coalesce(sum(s.current_power_w), 0) as power_w
        from subsystems as s
      ) as u
      cross join (
        select
          coalesce(sum(r.mass_kg), 0) as mass_kg,
          coalesce(sum(r.cost_usd), 0) as cost_usd,
          coalesce(sum(r.power_w), 0) as power_w
        from core.live_reservations as r
        where r.workspace = v_workspace
      ) as r
      left join (
        select
          c.total_mass_kg_max as mass_kg,
          c.total_cost_usd_max as cost_usd,
          (select sum((b.value ->> 'power_w')::numeric) from jsonb_each(c.budget_allocations) as b) as power_w
        from public.global_constraints as c
        where c.workspace = v_workspace
        order by c.version desc
        limit 1
      ) as a on true
      cross join lateral (
        values
        ('mass_kg', a.mass_kg, u.mass_kg, r.mass_kg),
        ('cost_usd', a.cost_usd, u.cost_usd, r.cost_usd),
        ('power_w', a.power_w, u.power_w, r.power_w)
      ) as t (quantity, allocated, used, held)
    )
    select json_build_object(
      'workspace', v_workspace,
      'server_time', clock_timestamp(),
      'subsystems', array(
        select row_to_json(b) from (
          select s.*, coalesce(w.queue_length, 0) as queue_length
          from subsystems as s
          left join waiters as w on s.name = w.subsystem
          order by s.name
          limit p_limit
        ) as b
      ),
      'conflicts', array(
        select row_to_json(b) from (
          select
            c.conflict_id, c.severity, c.priority, c.source_agent, c.target_agent, c.blocks_agents, c.description,
            c.created_at, c.reports, c.last_reported_at
          from public.conflicts as c
          where c.workspace = v_workspace and c.status = 'open'
          order by c.priority, array_position(array['critical', 'high', 'medium', 'low'], c.severity), c.conflict_id
          limit p_limit
        ) as b
      ),
      'leases', array(
        select row_to_json(l) from leases as l
        order by l.expires_at, l.resource_type, l.resource_name
        limit p_limit
      ),
      'queue', array(
        select row_to_json(q) from queue as q
        order by q.resource_type, q.resource_name, q.position
        limit p_limit
      ),
      'budgets', array(select row_to_json(t) from totals as t order by t.quantity),
      'counts', json_build_object(
        'subsystems', (select count(*) from subsystems),
        'conflicts', (
          select count(*) from public.conflicts as c
          where c.workspace = v_workspace and c.status = 'open'
        ),
        'leases', (select count(*) from leases),
        'queue', (select count(*) from queue)
      ),
      'entries', case when p_cursor is not null then array_to_json(p.entries) else array_to_json(array(
        select e.entry from (
          select a as entry, a.transaction_id, a.id from public.agent_activity_logs as a
          where a.workspace = v_workspace
            and (a.transaction_id, a.id)
            <= (split_part(p."cursor", '/', 1)::xid8, split_part(p."cursor", '/', 2)::bigint)
          order by a.transaction_id desc, a.id desc
          limit p_limit
        ) as e
        order by e.transaction_id, e.id
      )) end,
      'cursor', p."cursor",
      'more', p.more
    )
    from core.read_activity(p_cursor, p_limit, null, null, null) as p
  );
end;
$$;

create or replace function public.get_board("cursor" text default null, limit_count integer default 100)
returns json
language sql
stable
set search_path = ''
as $$
  select core.get_board("cursor", limit_count);
$$;

comment on function public.get_board(text, integer) is
'One look at a whole workspace, all of one moment. No list has more than limit_count (1 to 1000) elements; counts says
how many there are in all.

- workspace; server_time, by the database''s clock: compare expires_at with it.
- subsystems, by name: rows of system_status (state, figures beside budgets, locked_by, lock_expires_at,
  active_conflicts, stale_inputs), each with queue_length: how many wait for its lock.
- conflicts: open ones, most urgent first, without their details; blocks_agents: whom each blocks.
- leases: rows of agent_locks, those that end first first. queue: rows of lock_queue, by resource and position.
- budgets: of the whole robot, as budget_usage shows it: mass_kg, cost_usd and power_w, also where there is no limit.
- counts: {subsystems, conflicts, leases, queue}.
- entries: of the activity log, in the order of their transactions: those behind cursor, without one the newest.
- cursor: send it next time, and no entry is missed or comes twice. more: there are more entries, ask again at once.';

-- sql/80_operations/get_situation.sql
-- A subsystem's rows of budget_usage: that view works out whole workspaces, and for the owner of the database all.
create or replace function core.budget_of_subsystem(p_workspace text, p_subsystem text)
returns public.budget_usage[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_allocation constant jsonb := (core.latest_constraints(p_workspace)).budget_allocations -> p_subsystem;
  v_used public.subsystems;
  v_held core.amounts;
begin
  select * into v_used from public.subsystems as s
  where s.workspace = p_workspace and s.name = p_subsystem;
  select sum(r.mass_kg), sum(r.cost_usd), sum(r.power_w) into v_held
  from core.live_reservations as r
  where r.workspace = p_workspace and r.subsystem = p_subsystem;
  return array(
    select row(
      p_workspace, 'subsystem', p_subsystem, b.quantity, b.allocated, b.used, b.held,
      b.allocated - b.used - b.held, round(b.used / nullif(b.allocated, 0), 4)
    )::public.budget_usage
    from (
      select
        q.name as quantity, (v_allocation ->> q.name)::numeric as allocated,
        coalesce(q.used, 0) as used, coalesce(q.held, 0) as held
      from (
        values
        ('cost_usd', v_used.current_cost_usd, v_held.cost_usd),
        ('mass_kg', v_used.current_mass_kg, v_held.mass_kg),
        ('power_w', v_used.current_power_w, v_held.power_w)
      ) as q (name, used, held)
    ) as b
    where b.allocated is not null or b.used > 0
    order by b.quantity
  );
end;
$$;

-- The live tickets of an execution, a row for each resource that they wait for.
create or replace function core.waits_of_execution(p_workspace text, p_execution_id text)
returns public.awaited_lock[]
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
as $$
begin
  return array(
    select row(
      r.resource_type, r.resource_name, q.position, l.locked_by, l.expires_at, q.waiting_since, q.gives_up_at,
      q.request_id
    )::public.awaited_lock
    from core.lock_tickets as t
    inner join core.lock_ticket_resources as r on t.ticket_id = r.ticket_id
    cross join lateral (
      select * from public.lock_queue as o
      where o.workspace = r.workspace and o.resource_type = r.resource_type and o.resource_name = r.resource_name
      offset 0
    ) as q
    left join public.agent_locks as l
      on r.workspace = l.workspace and r.resource_type = l.resource_type and r.resource_name = l.resource_name
      and l.expires_at > clock_timestamp()
    where t.workspace = p_workspace and t.execution_id = p_execution_id and q.request_id = t.request_id
    order by q.waiting_since, r.resource_type, r.resource_name
  );
end;
$$;

-- In two halves although it only reads: what checks the arguments, and knows the subsystem of an agent, is not for
-- callers.
create or replace function core.get_situation(p_agent_name text, p_execution_id text)
returns public.situation
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_subsystem text;
begin
  perform core.require_name('agent_name', p_agent_name);
  perform core.require_name('execution_id', p_execution_id);
  v_subsystem := core.agent_subsystem(p_agent_name);
  return row(
    p_agent_name,
    p_execution_id,
    v_subsystem,
    array(
      select l from public.agent_locks as l
      where l.workspace = v_workspace and l.execution_id = p_execution_id and l.expires_at > clock_timestamp()
      order by l.resource_type, l.resource_name
    ),
    core.waits_of_execution(v_workspace, p_execution_id),
    array(select b from core.blockers_of_agent(v_workspace, p_agent_name) as b),
    array(select c from core.get_active_conflicts(p_agent_name) as c),
    core.budget_of_subsystem(v_workspace, v_subsystem),
    (
      select coalesce(jsonb_agg(i.input order by i.on_subsystem, i.document), '[]') from core.stale_inputs as i
      where i.workspace = v_workspace and i.subsystem = v_subsystem
    ),
    array(select a from core.get_recent_activity(20, p_agent_name, null, null, null, null, null) as a),
    clock_timestamp()
  )::public.situation;
end;
$$;

create or replace function public.get_situation(agent_name text, execution_id text)
returns public.situation
language sql
stable
set search_path = ''
as $$
  select core.get_situation(agent_name, execution_id);
$$;

comment on function public.get_situation(text, text) is
'All that an agent has to know now, in one read.

leases: what the execution holds, and until when. waits: what it waits for, its place in line, and who holds it.
conflicts: open ones that concern the agent (or another of its subsystem) as source, target or blocked; blocked_by:
those of them that block it. budget and stale_inputs are of its subsystem. activity: its 20 newest entries in the log.';

-- sql/90_grants.sql
-- Who may call what, on one screen. Names without arguments: no function is overloaded.
-- An RPC is a pair: the public wrapper and the core function that it calls. Some reads have no core half.
-- Roles: anon is anybody, authenticated is an agent, service_role is an operator.

-- Tables: read through row level security, written by functions alone.
revoke all on
public.global_constraints, public.budget_reservations, public.budget_usage, public.subsystems,
public.subsystem_requirements, public.subsystem_interfaces, public.subsystem_designs, public.document_dependencies,
public.conflicts, public.conflict_events, public.agent_activity_logs, public.agent_locks, public.system_status,
public.lock_queue, core.lock_tickets, core.live_lock_tickets, core.lock_ticket_resources, core.documents,
core.stale_inputs, core.live_reservations
from public, anon, authenticated, service_role;

grant select on
public.global_constraints, public.budget_reservations, public.budget_usage, public.subsystems,
public.subsystem_requirements, public.subsystem_interfaces, public.subsystem_designs, public.document_dependencies,
public.conflicts, public.conflict_events, public.agent_activity_logs, public.agent_locks, public.system_status,
public.lock_queue, core.lock_tickets, core.live_lock_tickets, core.lock_ticket_resources, core.documents,
core.stale_inputs, core.live_reservations
to authenticated, service_role;

-- Everybody
grant execute on function public.health to anon, authenticated, service_role;

-- Agents and operators
grant usage on schema core to authenticated, service_role;
grant execute on function
public.acquire_lock, core.acquire_lock,
public.acquire_locks, core.acquire_locks,
public.wait_for_lock, core.wait_for_lock,
public.cancel_lock_request, core.cancel_lock_request,
public.get_lock_status,
public.renew_lock, core.renew_lock,
public.release_lock, core.release_lock,
public.cleanup_expired_locks, core.cleanup_expired_locks,
public.update_subsystem_status, core.update_subsystem_status,
public.update_subsystem_requirements, core.update_subsystem_requirements,
public.update_subsystem_interfaces, core.update_subsystem_interfaces,
public.update_subsystem_design, core.update_subsystem_design,
public.diff_documents, core.diff_documents,
public.record_dependency, core.record_dependency,
public.remove_dependency, core.remove_dependency,
public.update_global_constraints, core.update_global_constraints,
public.diff_global_constraints, core.diff_global_constraints,
public.transfer_budget, core.transfer_budget,
public.reserve_budget, core.reserve_budget,
public.release_budget, core.release_budget,
public.log_conflict, core.log_conflict,
public.resolve_conflict, core.resolve_conflict,
public.add_conflict_note, core.add_conflict_note,
public.reassign_conflict, core.reassign_conflict,
public.reopen_conflict, core.reopen_conflict,
public.get_conflict_history, core.get_conflict_history,
public.is_blocked,
public.blocked_by, core.blocked_by,
public.wait_until_unblocked, core.wait_until_unblocked,
public.get_active_conflicts, core.get_active_conflicts,
public.log_agent_activity, core.log_agent_activity,
public.log_agent_activities, core.log_agent_activities,
public.get_recent_activity, core.get_recent_activity,
public.read_activity, core.read_activity,
public.checkout_subsystem, core.checkout_subsystem,
public.checkin_subsystem, core.checkin_subsystem,
public.export_state, core.export_state,
public.release_execution, core.release_execution,
public.get_situation, core.get_situation,
public.get_board, core.get_board,
public.schema_version
to authenticated, service_role;

-- What row level security and the reads above evaluate with the caller's rights
grant execute on function
core.visible_workspace, core.current_workspace
to authenticated, service_role;

-- Operators alone
grant execute on function
public.force_release_lock, core.force_release_lock,
public.init_workspace, core.init_workspace,
public.list_workspaces, core.list_workspaces,
public.import_state, core.import_state,
public.prune_activity, core.prune_activity
to service_role;

-- sql/95_realtime.sql
-- Adds our tables to the publication of Supabase Realtime, whose subscribers see changes of the rows that row level
-- security shows them. Does nothing if there is no such publication. Called by the migration, and after a restore,
-- because tables that were made anew are not in it. Returns how many tables were added.
--
-- Realtime does not apply row level security to deletes: it sends the key of the row to each subscriber of the table,
-- and our keys have names of workspaces and of what is in them. So tables whose rows are deleted in normal work stay
-- out.
create or replace function core.join_realtime()
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_table regclass;
  v_count integer := 0;
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime' and not puballtables) then
    return 0;
  end if;
  -- Our tables are those whose policy calls core.visible_workspace.
  for v_table in
    select distinct p.polrelid::regclass
    from pg_catalog.pg_policy as p
    inner join pg_catalog.pg_class as c on p.polrelid = c.oid
    inner join pg_catalog.pg_depend as d on p.oid = d.objid
    where
      c.relnamespace = 'public'::regnamespace
      and c.relname not in ('agent_locks', 'budget_reservations', 'document_dependencies')
      and d.classid = 'pg_catalog.pg_policy'::regclass
      and d.refclassid = 'pg_catalog.pg_proc'::regclass
      and d.refobjid = 'core.visible_workspace'::regproc
      and not exists (
        select from pg_catalog.pg_publication_rel as r
        inner join pg_catalog.pg_publication as b on r.prpubid = b.oid
        where r.prrelid = p.polrelid and b.pubname = 'supabase_realtime'
      )
  loop
    execute format('alter publication supabase_realtime add table %s', v_table);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

-- The last file, when every table has its policy.
do $$
begin
  perform core.join_realtime();
end;
$$;

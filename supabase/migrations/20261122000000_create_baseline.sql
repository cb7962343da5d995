-- A migration of sharedstate. Made from sql/ by scripts/build_migration.py: edit sql/ and run it again.

-- sql/00_schemas.sql
-- sharedstate: all of its objects live in two schemas. `public` is the API, `core` is the rest.
--
-- Lock order, the same in every function, so that no two of them can deadlock:
--   request id (advisory) -> allocations (advisory, core.lock_shared_budget) -> workspace row, which stands for the
--   constraints -> resource by resource, sorted: its fencing counter (advisory, then the row), then its lease
--   -> ticket -> subsystem rows, by name -> budget reservations -> conflict counter -> conflict rows
--   -> publications (core.lock_publications), by place
-- A function takes only some of them, but never one that stands before what it holds already. Rows of the
-- activity log, of requests and of dependencies come last: the first two nobody waits for, and dependencies
-- are written in one order, by subsystem, document and the subsystem that is depended on.
--
-- Budgets: who writes a status holds the subsystem's row and reads the constraints after that; who changes
-- an allocation holds the workspace's row, then the rows of all subsystems whose allocation changes. Under
-- READ COMMITTED each statement sees what was committed before it, so each of the two sees the other's
-- outcome. A subsystem that is about to be made has no row to hold: core.announce_subsystem. Who writes a
-- status that changes the use of what is not allocated holds the workspace's row too, and only because of that
-- may lock other subsystems' rows after its own, out of their order: core.lock_shared_budget.

-- core holds everything that is not for callers: helper functions, bookkeeping tables and the
-- security-definer half of every RPC. PostgREST exposes `public` alone.
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
-- Agents invent names in their own language. So only what cannot be seen, or looks like another name, is refused.
-- `NFC`, because the same letter can be written in two ways, and two agents would not find each other's lock.
-- Every function that takes a name checks it, with the name of its argument, before it writes anything.
-- Reads no table and takes no lock.

create or replace function core.name_fault(p_name text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when p_name is null then 'is missing'
    when p_name = '' then 'is empty'
    when length(p_name) > 128 then 'has more than 128 characters'
    when p_name ~ '[\u0001-\u001F\u007F-\u009F]' then 'has a control character'
    when left(p_name, 1) = ' ' or right(p_name, 1) = ' ' then 'begins or ends with a space'
    -- ASCII, which has one byte a character, is always in NFC.
    when octet_length(p_name) > length(p_name) and p_name is not nfc normalized then 'is not in Unicode NFC'
  end;
end;
$$;

comment on function core.name_fault(text) is
'Why this is no name; null where it is one.';

-- For constraints of tables.
create or replace function core.is_name(p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return core.name_fault(p_name) is null;
end;
$$;

comment on function core.is_name(text) is
'True for 1 to 128 characters in Unicode NFC, none a control character, no space at the beginning or end.';

create or replace function core.require_name(p_argument text, p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_reason constant text := core.name_fault(p_name);
begin
  return v_reason is null or core.fail(
    'invalid_argument',
    jsonb_build_object('argument', p_argument, 'reason', v_reason, 'value', left(p_name, 200)),
    'A name has 1 to 128 characters in Unicode NFC, none a control character, and no space at its beginning or end.'
  );
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
-- What is stored is read by everybody in the workspace, in every language. So nothing may be in it that common
-- readers of JSON stumble over. A number beyond a double is an error to some and thousands of digits to others
-- (1e131071 is eight characters in a request, and 128 kB in each answer); a deep nesting is more than their
-- recursion allows.
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

-- Checks an object of which unknown keys go to metadata. That is looked at by itself: what was sent beside it is
-- one level deeper there, and has to be taken when the row that was read is sent back, or imported.
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
-- Words: labels (states and activities, which agents invent) and texts (what people read).
--
-- Both are shown in terminals. An escape sequence in them could clear or forge what is seen there, so control
-- characters are refused, and so is what has nothing to see in it.
-- Reads no table and takes no lock.

-- By code points, because what a database takes for a space or for printable depends on its locale. Beside
-- spaces these are the characters that no font shows: joiners, marks of direction, fillers, variation
-- selectors, tags, the byte order mark.
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

-- For constraints of tables too.
create or replace function core.is_label(p_label text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(
    length(p_label) between 1 and 200 and p_label !~ '[\u0001-\u001F\u007F-\u009F]' and core.is_visible(p_label),
    false
  );
end;
$$;

comment on function core.is_label(text) is
'True for 1 to 200 characters without control characters, one of them visible.';

create or replace function core.require_label(p_argument text, p_label text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return core.is_label(p_label) or core.fail(
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

-- A carriage return is accepted where it belongs to a line break of Windows; alone it lets a line be written over.
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
-- Numbers, times, and arguments of any type that must not be missing.
--
-- Numbers from outside stay jsonb until they are known to be JSON numbers: a cast would accept the string "NaN".
-- An amount is a mass (kg), a cost (USD) or a power (W). It is finite, at least 0 and less than 1e12, and kept to a
-- millionth: a program that computes with binary fractions sends 0.30000000000000004 for 0.3, and kept as it is, a sum
-- that fits would be over its budget by 4e-17.
-- Reads no table and takes no lock.

-- For arguments of any type that have no null of their own: JSON callers can send null for each.
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
  return coalesce(v_number between p_least and p_most and v_number = trunc(v_number), false) or core.fail(
    'invalid_argument',
    jsonb_build_object('argument', p_argument, 'reason', 'is out of range', 'value', left(p_value::text, 200)),
    format('Use a whole number from %s to %s.', p_least, p_most)
  );
end;
$$;

-- For constraints of tables. The upper bound also refuses NaN and Infinity, which Postgres sorts above every number.
create or replace function core.is_amount(p_amount numeric)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(p_amount >= 0 and p_amount < 1000000000000, false);
end;
$$;

comment on function core.is_amount(numeric) is
'True for a finite mass, cost or power: at least 0, less than 1e12.';

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

-- What was sent has to be an amount, and what is kept of it, the rounded one, too.
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
  -- Constraints begin after this one: 0, or the last version that may have been given before a restore.
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
  -- null: answered before it was asked (a cancelled request for locks), whatever it asks for.
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
-- A token with the claim `agent` speaks for that agent alone; without one, the caller names itself. Names of agents
-- are no secrets: two callers without a claim who give the same name are one agent to the database.
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
-- Nothing twice: a call that is repeated with its request id gets the first answer and changes nothing.
--
-- Every mutation begins with recall_request and ends with remember_request, in one transaction: what it changed and
-- what it answered are both there, or neither. The id is locked until commit (advisory), first in the lock order: a
-- call that carries it while another one does waits for that one's outcome instead of running beside it.
-- The same id with other arguments is an error. Answers are kept for 24 hours. A call without an id is not kept.

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
  -- As core.lock_request does it, which every call would have to wait a little longer for. A statement of its own: the
  -- next one then sees what the call that had the lock has committed.
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

-- One call in a hundred also drops what is older than a day, so that the table stays as large as a day's work
-- without a scheduler.
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

-- The lock alone, for whoever needs no more of a request.
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

-- Whether the call of this request id was done before. One that is under way is waited for.
create or replace function core.was_answered(p_workspace text, p_request_id uuid)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if p_request_id is null then
    return false;
  end if;
  perform core.lock_request(p_workspace, p_request_id);
  return exists (
    select from core.requests as r where r.workspace = p_workspace and r.request_id = p_request_id
  );
end;
$$;

-- Takes the oldest few hundred by the index and skips what another caller is just deleting. With them go
-- requests that were in line for a lock when their client died, if nobody has queued for that lock since.
create or replace function core.forget_old_requests()
returns integer
language plpgsql
set search_path = ''
as $$
declare
  -- Read once: compared with clock_timestamp() itself, every row would have to be looked at.
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
-- When to ask again, in relation to how long the wait has lasted: after a tenth of that, so that whoever waits learns
-- late by a twentieth of it on average, and asks often only where the wait is short.
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
-- Which workspace a call is about, and whether its caller may open it.
--
-- A workspace is one design, isolated from the others. The JWT claim `workspace` pins it: with that claim the header
-- x-workspace is not even looked at. Without claim and header it is `default`. PostgREST sets claims and headers for
-- each request; from psql they are unset or empty, and an operator works in `default`.
-- An unknown name is an error and not an empty design, because a typo would otherwise look like one.
-- Takes no lock.

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

-- In the header the name may be percent-encoded, and one that has other characters than ASCII, or a %, has to be.
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
  if not exists (select from core.workspaces as w where w.name = v_workspace) then
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

-- What row level security asks. PostgREST sets the headers of each request, and gets the error that a wrong
-- name deserves. Realtime sets claims alone, and asks for each of its subscribers in turn whether it may see a
-- row: an error of one would take the change from all of them. There an unknown workspace just has no rows.
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

-- Whether the caller's token opens this workspace: any, unless it names one.
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
-- Statuses are checked as they arrive, those of an import by what stands here. The upper bounds also refuse NaN.
create table public.subsystems (
  workspace text not null references core.workspaces (name),
  name text not null check (core.is_name(name)),
  state text not null default 'not_started' check (core.is_label(state)),
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
-- Who writes a status, a document or a budget of a subsystem locks its row until commit, so that versions are given
-- one after the other, and each writer sees what the one before it did.
--
-- Invariants:
-- - Several rows are locked in the order of their names.
-- - A subsystem that is not there yet has no row to lock. Who is about to make one shares the workspace's row
--   instead (core.announce_subsystem), which keeps those away who change limits and budgets, or use what is shared.
--
-- Lock order: the workspace's row of an announcement comes before fencing counters and leases; subsystem rows come
-- after these, and before budget reservations, conflicts and publications.

-- True if it has no row yet; then nobody changes allocations, or counts what is left, until commit.
create or replace function core.announce_subsystem(p_workspace text, p_subsystem text)
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

-- Makes an unknown subsystem, and locks its row. `no key update` lets foreign keys be checked meanwhile.
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

-- Locks the rows of these subsystems, those that there are.
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
-- update_subsystem_status and checkin_subsystem write statuses, both in these steps: core.require_status,
-- core.lock_shared_budget, the check of the lease (core.guard_write), core.write_status.
--
-- Invariants:
-- - A status is merged: a key that is absent keeps its value, unknown keys go to metadata. Keys that the database
--   owns are ignored, so that a row that was read may be sent back as it is.
-- - The version grows by one with each write.
-- - within_budget is what the database finds (50_budgets/verdicts.sql), whatever is sent.
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

-- Merges a checked status into the row, and returns it. Where it may exceed a budget, that is looked into: a conflict
-- tells of it, or with p_strict the status is refused.
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
  -- 2.0 is a whole number to JSON, but no text of an integer.
  v_new.iteration := coalesce((p_status ->> 'iteration')::numeric::integer, v_old.iteration);
  -- An amount that is sent back as it was read keeps all of its digits: an import may have brought more than six.
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
  -- Who was within its budget, and uses as much as before, still is: whoever changes a budget judges all who have it.
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
    v_workspace, v_agent, 'status_updated',
    jsonb_build_object('subsystem', p_subsystem, 'state', v_row.state, 'version', v_row.version),
    p_execution_id
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

-- A waiter looks for what was handed to it.
create index agent_locks_request_id_idx on public.agent_locks (workspace, request_id);
-- The search for a deadlock asks what an agent holds in an execution.
create index agent_locks_execution_id_idx on public.agent_locks (workspace, execution_id);

alter table public.agent_locks enable row level security;
create policy agent_locks_of_own_workspace on public.agent_locks
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- Outlives the lease rows, so that tokens grow even after a lease was deleted by hand. Its row lock
-- puts all grants of one resource in line and keeps them apart from writes of that resource.
create table core.fencing_counters (
  workspace text not null,
  resource_type text not null,
  resource_name text not null,
  last_token bigint not null default 0,
  last_granted_at timestamptz,
  -- How long a turn lasts where somebody waits, from one grant to the next: the last ones, smoothed.
  turn_ms double precision,
  primary key (workspace, resource_type, resource_name)
);
comment on table core.fencing_counters is
'The last fencing token of every resource that was ever locked, and how long its turns last.';
alter table core.fencing_counters enable row level security;

create type core.resource as (resource_type text, resource_name text);

-- The queue. These tables grow and shrink within seconds, so what the planner knows of them is often
-- wrong: to it they may be empty, and all plans as good as each other. The queries therefore leave no
-- choice: for each entry in a line they look its ticket up, in a lateral subquery that `offset 0` keeps
-- as it is, and by index, because their functions switch sequential scans off.
--
-- A ticket waits for one resource or for several, which it gets together or not at all; while it waits it
-- holds none. Deleted when it is granted, cancelled or long dead.
create table core.lock_tickets (
  ticket_id bigint generated always as identity primary key,
  workspace text not null,
  request_id uuid not null,
  arguments_hash bigint not null,
  agent_name text not null,
  execution_id text not null,
  ttl_seconds integer not null,
  priority integer not null,
  -- The place in line: the time of arrival, 30 s earlier for each step of priority. A fixed number,
  -- so it ages by itself: whoever comes 90 s later cannot get ahead, not even with priority 1 of one with 4.
  queue_key timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  -- Passed over from then on, unless it asks again: see core.keep_in_line. It begins with its first question.
  alive_until timestamptz not null default clock_timestamp() + interval '5 seconds',
  gives_up_at timestamptz not null,
  -- Set when this wait was chosen to end a deadlock: the cycle, for the waiter's next call.
  refused jsonb,
  unique (workspace, request_id)
);
comment on table core.lock_tickets is 'Who waits for locks, in line by queue_key and ticket_id.';
create index lock_tickets_execution_id_idx on core.lock_tickets (workspace, execution_id);
alter table core.lock_tickets enable row level security;
create policy lock_tickets_of_own_workspace on core.lock_tickets
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- Those who wait indeed. A waiter that did not ask again for too long (core.keep_in_line), or whose time is up, is
-- passed over; if it comes back in time, its place is still there.
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
  select * from core.acquire_lock(
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
-- One or more resources as JSON objects, checked, without repetitions, in the order of locking.
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
  select * from core.acquire_locks(
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
  -- Behind the acquire call itself, if that is still under way.
  perform core.lock_request(v_workspace, p_request_id);
  delete from core.lock_tickets as t
  where t.workspace = v_workspace and t.request_id = p_request_id
    and t.agent_name = coalesce(core.claimed_agent(), t.agent_name);
  v_has_ended := found;
  -- It may have won the race: what it was given goes back, and on to the next in line. In the order of all leases.
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
    return false;  -- it waits for another agent than the one that this token speaks for
  end if;
  -- An acquire call that arrives late, or once more, must find its request answered: with nothing. And
  -- this call, when it is repeated, what it has said.
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
-- Correctness does not need this: an expired lease is free to take anyway. It tidies the table and
-- logs each lease that was lost. From psql it works on all workspaces, through the API on one's own.
-- It takes many leases in no fixed order, so it skips what somebody holds: waiting could deadlock.
create or replace function core.cleanup_expired_locks()
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  -- Without claims it is psql or Studio, where an operator works across workspaces.
  v_workspace constant text := case
    when current_setting('request.jwt.claims', true) <> '' then core.current_workspace()
  end;
  v_lease public.agent_locks;
  v_count integer := 0;
begin
  for v_lease in
    -- Materialized: looked for once, however the join is planned.
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
-- Deadlocks: cycles of agents that wait for each other are found in the database, and one of their waits is refused.
--
-- An identity is an agent within an execution. A ticket waits, at each of its resources, for the holder, and so for
-- the tickets that the holder's identity has in line; and for the ticket before it in that line. A cycle is looked for
-- when a wait begins, and whenever a waiter asks how it stands. Every cycle leads through a lease: it has a member that
-- holds what another one awaits, and it does if those look. Most waiters need not, and a search may have to walk along
-- whole lines.
--
-- Lock order: locks the ticket that loses, and none after it. The rest is read without locks; a cycle cannot dissolve
-- by itself, so what is found is true.

-- What a ticket waits for, and a ticket that has to come to its end before.
create type core.wait_edge as (resource core.resource, ticket core.lock_tickets);

-- What the ticket's own identity holds does not count: another of its threads may well release it. Nor do, in the
-- line, tickets of the holder's identity: they wait for just such a thread, and what else they wait for comes with the
-- holder.
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

-- Searches from a ticket along what it waits for, breadth first, until it comes back to that ticket. Returns the cycle
-- as the agent that is refused is told of it, a list of who waits for what; or null.
create or replace function core.find_wait_cycle(p_ticket core.lock_tickets)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  -- The tickets that were reached, and of each, which one of them led to it, by what wait.
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

-- Ends a cycle that this ticket is on. When a wait begins, it is the new one that loses, at once; the
-- error undoes all that its call did, so it is told to the caller and not to the log. A cycle that came
-- about later (two waits began together, a lease changed hands) loses its youngest wait, which is told
-- so at its next call; to raise here would undo the mark.
-- Answers whether the ticket may be on a cycle now, or be on one before it asks again: where somebody waits for what
-- its identity holds, or will, once another ticket of it is granted.
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
-- Fencing counters: they give each lease a greater token than all before it, and keep grants and writes apart.
--
-- Every resource that was ever locked has one. A grant locks it `for update`, so that no two grants of a resource run
-- side by side. A write shares it (`for key share`): as long as it does, no grant of the resource can happen, so what
-- the writer finds out about the lease stays true until it commits.
--
-- Before the row stands an advisory lock. Row locks that are shared let every newcomer pass whoever waits for the
-- whole row; with overlapping writes it would wait for ever. An advisory lock has one line for both kinds. Writers
-- share it, and a grant takes it when it cannot have the counter at once. Its key is made alike in both functions.
--
-- Lock order: before the lease of the same resource; of several resources one after another, by type and name.

-- Puts the caller in line for grants of one resource, until commit. False if that takes longer than a second: somebody
-- writes the resource all that time, and whoever asks for it must not fill the pool that the writer needs.
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
    -- It does not exist yet, or somebody has it: in line with the writers, so that it waits for those who came before
    -- and no others.
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

-- A writer's share of the counter.
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

-- Makes the counters that these resources do not have yet, because core.hand_over can make none. False if
-- somebody else is making one and does not come to an end: then the first in line takes its turn by itself.
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
    -- Remembered as well: a repetition must not end a lease that was granted meanwhile.
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
  select * from core.force_release_lock(resource_type, resource_name, released_by, reason, request_id);
$$;

comment on function public.force_release_lock(text, text, text, text, uuid) is
'For operators: ends somebody else''s lease. Its row, or nothing if the resource was free. Writes with its token are
refused from then on.';

-- sql/30_locks/guard_write.sql
-- Decides, in the transaction of the write, whether this caller may write the subsystem, and keeps
-- that true until commit. Returns the agent to be logged.
-- Lock order: of a subsystem to be made the workspace (share), fencing counter (share), lease (share).
create or replace function core.guard_write(
  p_workspace text,
  p_subsystem text,
  p_execution_id text,
  p_fencing_token bigint
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
  perform core.announce_subsystem(p_workspace, p_subsystem);
  perform core.share_fencing_counter(p_workspace, 'subsystem', p_subsystem);
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
  return coalesce(v_claimed_agent, v_lease.locked_by, p_execution_id, 'unknown');
end;
$$;

-- sql/30_locks/hand_over.sql
-- Runs after each row that leaves agent_locks, by whatever way: release, check-in, clean-up, an
-- operator's force, DELETE typed in psql. Gives the resource to whoever is first in line, in the same
-- transaction.
--
-- The row of the ended lease is locked by now, and counters come before leases in the lock order: so
-- it never waits, for a counter or for another lease. Where one is taken, its holder decides; and a waiter
-- that was passed over takes its turn itself when it asks next.
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
  select * into v_ticket from core.lock_tickets as t where t.ticket_id = v_ticket_id;
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
-- Leases: how they are granted, and what is said when one has ended without its holder's doing.
--
-- A lease is a row of agent_locks; one whose expires_at has passed is free to take. A grant takes, of each resource,
-- the fencing counter and then the lease row, both `for update`. The counter, because two grants must never run side by
-- side; the lease, because a writer that was just checked holds it `for key share` until it commits, and only
-- `for update` waits for that: a plain UPDATE does not. All resources of a request are granted, or none.
--
-- To whoever waits, or was ready to, a lease is given provisionally, for 10 s at most: PostgREST does not notice that
-- a client has gone away, so it is the client that confirms, by renew_lock.
--
-- Lock order: resource by resource, by type and name, its counter and then its lease; after all of them the ticket.

-- Grants and releases are too many to log; a lease that ended without its holder's doing is worth it.
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

-- Those of one request, as they are now: all that it was granted, or none. Where one of a set has ended
-- the rest is of no use; it is left to cancel_lock_request, or lapses. To a token that names another
-- agent it has none.
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
  -- The answer that was kept tells how many there were.
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

-- Writes a lease with the next fencing token; the caller has locked counter and lease, and knows that it is free.
create or replace function core.write_lease(p_ticket core.lock_tickets, p_resource core.resource)
returns public.agent_locks
language plpgsql
set search_path = ''
as $$
declare
  v_is_provisional constant boolean := p_ticket.gives_up_at is not null;  -- it waits, or was ready to
  v_lease public.agent_locks;
begin
  with counter as (
    update core.fencing_counters as c
    set
      last_token = c.last_token + 1,
      last_granted_at = clock_timestamp(),
      -- Rather less than the mean of the last turns. A turn that is taken for too short costs a question; one for too
      -- long delays the waiters, and so makes the next turns longer still.
      turn_ms = case when p_ticket.ticket_id is null then c.turn_ms else (
        select coalesce(
          c.turn_ms + (last.turn_ms - c.turn_ms) * case when last.turn_ms < c.turn_ms then 0.5 else 0.05 end,
          last.turn_ms
        )
        from (select extract(epoch from clock_timestamp() - c.last_granted_at) * 1000 as turn_ms) as last
      ) end
    where c.workspace = p_ticket.workspace
      and c.resource_type = p_resource.resource_type and c.resource_name = p_resource.resource_name
    returning c.last_token
  )

  insert into public.agent_locks as l (
    workspace, resource_type, resource_name, locked_by, execution_id, expires_at, ttl_seconds,
    fencing_token, request_id, provisional
  )
  select
    p_ticket.workspace, p_resource.resource_type, p_resource.resource_name, p_ticket.agent_name, p_ticket.execution_id,
    clock_timestamp() + make_interval(
      secs => case when v_is_provisional then least(p_ticket.ttl_seconds, 10) else p_ticket.ttl_seconds end
    ),
    p_ticket.ttl_seconds, counter.last_token, p_ticket.request_id, v_is_provisional
  from counter
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

-- Grants all of the resources (sorted by type and name), or returns null: where one is locked, or written all the time,
-- or where it is somebody else's turn. A ticket without a number is a newcomer's, who is not in line. One that is in
-- line gets what it waits for (p_resources null), and leaves the line in the same transaction.
create or replace function core.grant_leases(p_ticket core.lock_tickets, p_resources core.resource[])
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
declare
  v_resources constant core.resource[] := coalesce(p_resources, array(
    select row(r.resource_type, r.resource_name)::core.resource from core.lock_ticket_resources as r
    where r.ticket_id = p_ticket.ticket_id
    order by r.resource_type, r.resource_name
  ));
  v_resource core.resource;
  v_lease public.agent_locks;
  v_lapsed public.agent_locks[] := array[]::public.agent_locks[];
  v_leases public.agent_locks[] := array[]::public.agent_locks[];
begin
  -- A look without locks first: most attempts on a locked resource end here, without a write.
  foreach v_resource in array v_resources loop
    if exists (
      select from public.agent_locks as l
      where l.workspace = p_ticket.workspace
        and l.resource_type = v_resource.resource_type and l.resource_name = v_resource.resource_name
        and l.expires_at > clock_timestamp()
    ) then
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
    -- The request is answered now: a late repetition must not queue for the lock once more. Not by
    -- remember_request: if the id was misused for another call meanwhile, a release must not fail by it.
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

-- sql/30_locks/queue.sql
-- The queue: what acquire_lock and acquire_locks do when they know which resources are meant.
--
-- All of them are granted, or none. Where they are not free, a request with a wait gets a ticket: a row of
-- core.lock_tickets, with an entry in the line of each resource, by queue_key and number. While it waits it holds
-- nothing. The same call again, or wait_for_lock, asks how it stands (waiters.sql). A resource is given to the first
-- live ticket in its line, and newcomers never overtake one. Tickets that nobody asks about any more are passed over,
-- and deleted when somebody else queues for the same.
--
-- Lock order: request id, then what a grant locks (leases.sql), then tickets. A newcomer's ticket is its own.

-- The ticket whose turn it is for a resource, or null where nobody alive waits.
create or replace function core.first_in_line(p_workspace text, p_resource core.resource)
returns bigint
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
begin
  return (
    select t.ticket_id
    from core.lock_ticket_resources as r
    cross join lateral (
      select t.ticket_id from core.live_lock_tickets as t
      where t.ticket_id = r.ticket_id
      offset 0
    ) as t
    where r.workspace = p_workspace
      and r.resource_type = p_resource.resource_type and r.resource_name = p_resource.resource_name
    order by r.queue_key, r.ticket_id
    limit 1
  );
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
  -- Tickets whose client is gone for good; `skip locked`, because another newcomer may be at it.
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

-- The leases, or an empty list: in line, if p_wait_seconds is more than 0, or refused.
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
    coalesce(p_wait_seconds between 0 and 86400, false) or core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'wait_seconds', 'reason', 'is out of range', 'value', p_wait_seconds),
      'Use 0 to 86400 seconds.'
    ),
    p_wait_seconds = 0 or p_request_id is not null or core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'request_id', 'reason', 'is missing'),
      'A request that waits is known by its request_id: send a new uuid.'
    ),
    core.require_whole_number('priority', to_jsonb(p_priority), 1, 4);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'acquire_locks',
    jsonb_build_array(p_resources, p_agent_name, p_execution_id, p_ttl_seconds)
  );
  if v_request.is_replay then
    -- The leases that were given then, as they are now: to show one that has ended would be a lie.
    return core.leases_of_request(v_workspace, p_request_id);
  elsif p_request_id is not null then
    -- Or it is in line already, and this is the call again.
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
  -- Not in line yet: a ticket without a number, and without an end where the caller is not ready to wait.
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
  -- A refusal is not remembered: it changed nothing, and polling would write a row each time.
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
    -- It protected nothing any more; to say "released" would hide that.
    perform core.write_lock_lost(v_lease, 'expired before its release');
  end if;
  -- Remembered as well: a repetition must not end a lease that was granted meanwhile.
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
  select * from core.release_lock(resource_type, resource_name, execution_id, fencing_token, request_id);
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
-- Waiters: how a waiting request stands, and when it should ask again.
--
-- Nobody is parked inside a call. A waiter asks, is answered at once, and waits on its own side until retry_ms is over,
-- which costs nothing meanwhile. With each answer it counts as alive for three times that and 3 s more; who is silent
-- for longer is passed over. The first in line takes what has become free by itself when it asks: an expiry tells
-- nobody, and a hand-over (hand_over.sql) passes over what it could not lock at once.
--
-- Lock order: reads without locks; then what a grant locks (leases.sql), or a ticket that is refused, and at the end
-- its own ticket.

-- When a waiter should ask again. The first in line: after a tenth of the time for which it has been locked (as
-- core.retry_ms), 5 ms to 1 s, and not before half of what is left of a short turn. Those behind it: most of the turns
-- before theirs later, each taken for as long as the last ones lasted, or as this one has. So they ask the more seldom,
-- the more are before them. At most 5 s, because a grant that nobody asks for lapses after 10 s.
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

-- Ends a look at the queue: for whom the ticket waits, when to ask again, and until when the waiter counts as alive.
-- One that may be on a deadlock asks again soon: it is found when a member asks.
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
  -- What nobody holds, because another waits for more than this or a write is under way, counts as locked since this
  -- wait began. The waiter is told of each holder, be it another thread of its own, and where there is none, of who is
  -- before it in line.
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
  -- A grant lapses with its time to live, if nobody asks for it sooner.
  v_retry_ms := least(core.lock_retry_ms(p_position, v_locked_for, v_turn_ms), 500 * p_ticket.ttl_seconds);
  if p_may_be_deadlocked then
    v_retry_ms := least(v_retry_ms, 1500);
  end if;
  v_alive_until := clock_timestamp() + (3 * v_retry_ms + 3000) * interval '1 millisecond';
  if p_ticket.alive_until not between v_alive_until and v_alive_until + interval '1 second' then
    -- With a second to spare, so that whoever asks often writes once a second. A crash of the server loses nothing
    -- but a place that is seen to be live anew.
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
  -- One statement, so that ticket and place are of one moment. The place is 1 for the next in line; for several
  -- resources the worst of them. Counts no further than 100.
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
    -- A grant takes the ticket away; so does an end of the wait.
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

-- What was read of whom. A newer version than the one that was seen makes the reader stale. What a checkout
-- reads counts as seen when the work is checked in, and not before: whoever checked out may die, and the work
-- is still made from what was seen before. Until then it stands apart, under the token of its lease.
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

-- A publication looks for those whom it makes stale.
create index document_dependencies_on_idx on public.document_dependencies (workspace, on_subsystem, document);

alter table public.document_dependencies enable row level security;
create policy document_dependencies_of_own_workspace on public.document_dependencies
for select to authenticated, service_role
using (workspace = (select core.visible_workspace()));

-- sql/40_documents/diff_documents.sql
-- A read with a private half: it calls helpers that are not for callers.
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
-- Which versions of others' documents the work of a subsystem is made from, and what of them has changed since.
--
-- - What a checkout reads counts as seen with the check-in, not before: see checkout_subsystem and checkin_subsystem.
--   record_dependency counts at once.
-- - A subsystem is stale while a version after the one that it has seen says something else, and not the same as what
--   a check-in has accepted. A new version that says the same changes nothing: two that read each other and publish
--   with each check-in would else be stale by turns for ever.
-- - Who publishes tells it to those whom that makes stale, in the same transaction.
--
-- Lock order: rows of dependencies come last, and all write them in one order: by subsystem, document and the
-- subsystem that is depended on. What is noted as read was read under core.lock_publications.

-- Checks what record_dependency and remove_dependency name.
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

-- What a subsystem's work was made from and has changed since: a list of {"subsystem", "document",
-- "seen_version", "new_version", "changed_paths"}. Evaluated for readers of system_status, who may not call what it
-- needs: so with the rights of its owner.
create or replace function core.stale_inputs(p_workspace text, p_subsystem text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'subsystem', d.on_subsystem,
      'document', d.document,
      'seen_version', d.seen_version,
      'new_version', latest.version,
      'changed_paths', changes.paths
    ) order by d.on_subsystem, d.document), '[]')
    from public.document_dependencies as d
    cross join lateral (
      select v.version, v.content from core.documents as v
      where v.workspace = p_workspace and v.document = d.document and v.subsystem = d.on_subsystem
      order by v.version desc limit 1
    ) as latest
    cross join lateral (
      select coalesce(jsonb_agg(c.path), '[]') as paths
      from core.compare_documents(
        core.document_content(p_workspace, d.document, d.on_subsystem, d.seen_version), latest.content
      ) as c
      where latest.version > greatest(d.seen_version, d.accepted_version) and (
        d.accepted_version is null
        or core.document_content(p_workspace, d.document, d.on_subsystem, d.accepted_version)
        is distinct from latest.content
      )
    ) as changes
    where d.workspace = p_workspace and d.subsystem = p_subsystem and changes.paths <> '[]'
  );
end;
$$;

-- One entry in the log for each subsystem that a new version makes stale, in the transaction of the publication: for
-- work that was made from another version, or that will be by the check-in of what was read of another one.
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
      -- Many have seen the same version: what has changed since is found once for all of them.
      select s.version, difference.paths
      from (select d.version from dependents as d union select d.accepted_version from dependents as d) as s
      cross join lateral (
        select coalesce(jsonb_agg(c.path), '[]') as paths
        from core.compare_documents(
          core.document_content(p_workspace, p_document, p_subsystem, s.version), p_content
        ) as c
      ) as difference
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
-- Three-way merge of documents: what two writers made of the same version, put together. Constraints are merged by
-- the same rules.
--
-- - Objects are taken apart key by key, down to a hundred levels: each level of a merge takes some of the server's
--   stack, and no document may use that up. All else is one part: a list, a scalar, an object below.
-- - A part that one writer changed is taken from that one, and one that both changed alike is no conflict. What both
--   changed differently is refused (stale_version) with all that it takes to redo the change.
-- - SQL null stands for "not there"; the null of JSON is a value.
-- - Numbers keep all of their digits, also where a client read them as doubles and sent them back.
-- - Each object is read once: to fetch its keys one by one would read all of it for each of them.
--
-- Pure functions, which lock nothing. Who merges holds the row under which the versions are given.

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

-- Both changes in one document, and the pointers of the parts in conflict, which are left as in `theirs`.
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

-- What a writer sent, with the base's number wherever it sent back what a client that reads numbers as doubles has
-- read there: else that number counts as changed by whoever changed something next to it. Postgres writes a double
-- as these clients do, with the fewest digits that tell it apart. In a list the place tells what belongs together.
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
    return case when p_base::double precision::text::numeric = p_yours::numeric then p_base else p_yours end;
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

-- A document that was made from another version, put on top of the latest one. Nobody can have started from a version
-- that was never published (unknown_version); one that a restore has lost is in conflict as a whole. p_document names
-- the document in errors, e.g. {"document": "design", "subsystem": "skeleton"}.
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
-- The versions of a subsystem's three documents: requirements, interfaces and design. Each kind has a table of its own,
-- which differs from the others in the name of its content's column alone; core.documents shows all three alike.
--
-- - Versions are 1, 2, 3, ... without gaps (only a restore jumps), and a version that was written never changes.
-- - Version 0 is what was there before the first: an empty document.
-- - The lock on the subsystem's row makes writers take their numbers one after the other.
-- - A publication has its subsystem's place among the publications for itself, so whoever notes which versions it has
--   read is told of every later one.
--
-- Lock order: subsystem row, then publications. Dependencies and the log come after both.

-- Until commit, nobody publishes a document of these subsystems: whoever notes which versions it has read is told of
-- every later one (inputs_changed). Readers share it; only a publication is exclusive. Advisory, as a lock on the
-- subsystems' rows would stop the writers of their statuses, and write each time; and of 64 places, for a reader of
-- 1000 subsystems must not fill the server's table of locks. Publications that share a place take turns.
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

-- The same of a version that has to be there: else unknown_version.
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

-- Checks the name of a kind of document as it arrives.
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

-- Publishes the next version of a document and returns its number; the caller has checked who may. Where others
-- published since p_base_version, what both did is merged, or refused with stale_version. p_is_logged: false if the
-- caller logs it as a part of something larger.
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
  -- No part of this text comes from a caller. The first version is the column's default: 1, or after a restore what
  -- was never handed out.
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
    -- What was accepted of later versions holds as long as the work is made from the same.
    accepted_version = case when d.seen_version = excluded.seen_version then d.accepted_version end,
    read_version = null,  -- whatever a checkout has read: its agent says so
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
    -- Remembered as well: a repetition must not remove what was recorded meanwhile.
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
  select * from core.remove_dependency(subsystem, on_subsystem, document, agent_name, execution_id, request_id);
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
  perform core.announce_subsystem(v_workspace, p_subsystem);
  -- Requirements come from outside, so a foreign lease does not stop them. A token is still checked.
  if p_fencing_token is not null then
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
-- Amounts are checked where they come in, by core.require_constraints: nobody writes here but by functions.
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
  created_by text not null check (core.is_name(created_by)),
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

-- Amounts that are reserved of a budget for an execution before it uses or moves them.
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

-- overruns: of its own allocation. is_within: also of what it shares; null where nothing limits it.
create type core.verdict as (overruns jsonb, is_within boolean);

-- sql/50_budgets/amounts.sql
-- Amounts, and by how much they exceed a budget
--
-- A budget is made of mass_kg, cost_usd and power_w: at least 0, kept to a millionth (core.round_amount). What is
-- used, reserved or moved has all three, as core.amounts. An allocation stays the JSON object that users see: it may
-- have any of the three. A quantity that is not in it has no limit of its own, but see shared_budget.sql.
--
-- Overruns look the same everywhere, in errors, conflicts and the log, with only the quantities that are exceeded,
-- and `held` only where others have reserved some of it; {} for none:
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

-- p_subject says whose: {"subsystem": "skeleton"}, or {"scope": "robot"}.
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

-- Three amounts that are to be moved or reserved: rounded, at least one of them is above 0.
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
-- The newest version of each workspace, one look into the index for each: every transfer makes one more.
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
-- The version with the highest number is in force. Each change publishes the next one by core.write_constraints:
-- update_global_constraints, transfer_budget, and the defaults of a new workspace. An import brings its own.
--
-- Invariants:
-- - Versions are 1, 2, 3, ... without gaps; 0 stands for what was there before the first: no limit and no budget.
-- - What agents allocate does not exceed the totals, and no allocation is lowered into what is reserved of it.
-- - within_budget and the conflicts of all whom a change concerns follow in its transaction.
--
-- Lock order: the workspace's row (core.lock_constraints), under which versions are given; then the rows of all
-- subsystems whose budget changes. Who writes a status holds its subsystem's row, and reads the constraints after
-- that. So one of the two comes before and is seen by the other: READ COMMITTED looks anew with each statement.

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

-- What of a version its writers decide, as one document.
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

-- The content of one version, null if there is none of that number.
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

-- Checks constraints as they arrive: amounts are numbers, allocations are objects of amounts.
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

-- Publishes p_next, of which the caller has set what it decides, after p_latest, whose lock it holds.
--
-- It locks the rows of all subsystems whose budget changes before anything else is done, so that a status that is
-- written meanwhile comes either before, and is seen here, or after, and sees the new budgets.
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
  -- An older design may exceed its totals already; that is no reason to refuse it another height.
  if v_is_budget_changed then
    perform core.require_fitting_allocations(p_next);
    v_reallocated := array(
      select coalesce(o.key, n.key)
      from jsonb_each(p_latest.budget_allocations) as o
      full join jsonb_each(p_next.budget_allocations) as n on o.key = n.key
      where o.value is distinct from n.value
    );
    -- All who take from what is shared; everybody where there is a total that there was not, or no longer.
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
  if p_latest.version = 0 then  -- the first is 1, or after a restore one that has never been given
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

-- The budgets of all subsystems and the reserve together must not exceed what the whole may have.
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

-- No allocation is lowered into what is reserved of it beside what is used, by anybody: what its own execution moves
-- is spent before. The caller holds the workspace's row, and those of these subsystems.
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
    -- Without an allocation there is no limit, except where there was one: then nothing is left.
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
-- Invariants, at each commit, but for what an import brought and nobody has judged yet:
-- - There is exactly one open conflict of each subsystem that is over its allocation (key sharedstate:budget), and of
--   the robot while what is shared is exceeded (key sharedstate:totals). None else of these keys is open.
-- - It follows its overrun without being counted as another report, and one that is resolved by hand while the overrun
--   lasts is followed by the next.
--
-- Lock order: a report takes the conflict counter, then the conflict's row; the end of an overrun takes the row alone.
-- So who does both reports first: core.judge_budgets.

-- Keeps the conflict about a subsystem's budget, or for null about what is shared, in step with its overruns. They
-- have keys of their own: somebody may have named a subsystem robot.
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
  v_row public.budget_reservations;
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
  v_row := core.end_reservation(v_workspace, p_reservation_id, p_execution_id);
  if v_row.reservation_id is null then
    perform core.remember_request(v_request, '[]');
    return;
  end if;
  perform core.write_activity(
    v_workspace, v_row.agent_name, 'budget_released',
    jsonb_build_object('subsystem', v_row.subsystem, 'reservation_id', p_reservation_id),
    p_execution_id
  );
  perform core.remember_request(v_request, jsonb_build_array(v_row));
  return next v_row;
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
  select * from core.release_budget(reservation_id, execution_id, request_id);
$$;

comment on function public.release_budget(uuid, text, uuid) is
'Gives back what a reservation holds: its row, or nothing (an empty list) if it has ended or is not of this execution.';

-- sql/50_budgets/reservations.sql
-- Reservations: amounts that are kept for an execution before it uses or moves them
--
-- A reservation ends by its own time, or with the lease that it is tied to: core.live_reservations are the others
-- (in tables.sql). What is live counts as used to everybody but its own execution, and what that uses or moves comes
-- out of what it has reserved. Users see what is reserved as `held`.
--
-- Invariants:
-- - Used and reserved together stay within the allocation, unless a status that is not strict takes more: the log
--   tells of that.
-- - Who decides by the live ones has deleted the others, so that none comes back to life when its amounts are gone.
-- - Everybody can read the names of executions: so a token that names its agent speaks for the reservations of that
--   agent alone.
--
-- Lock order: the caller holds the row of the subsystem, or for the reserve that of the workspace; then reservations.

-- What is reserved of a subsystem's budget, or of the reserve, by others than p_but_execution_id: what is its own, it
-- may use. First deletes what has ended: a lease that is renewed at this moment must not bring that back later.
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

-- Takes p_spent out of a budget, of which p_used is used or moved by that. What others have reserved may be taken only
-- by a status that is not strict. That opens no conflict while it keeps to the allocation, but they will miss it: so
-- the log tells of it, each time that more is taken.
--
-- What an execution takes comes out of what it has reserved of that budget itself, the oldest first: or it would be
-- counted twice, as used and as reserved. Amounts of 0 or less spend nothing.
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
  -- `upto`: what this one and all that are older have reserved together.
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

-- Ends a reservation of this execution, and returns what it was; nulls if it has ended, or is of another one.
create or replace function core.end_reservation(p_workspace text, p_reservation_id uuid, p_execution_id text)
returns public.budget_reservations
language plpgsql
set search_path = ''
as $$
declare
  v_row public.budget_reservations;
begin
  delete from core.live_reservations as r
  where r.workspace = p_workspace and r.reservation_id = p_reservation_id and r.execution_id = p_execution_id
    and r.agent_name = coalesce(core.claimed_agent(), r.agent_name)
  returning r.* into v_row;
  return v_row;
end;
$$;

-- Budget can be reserved of, or moved to, whatever has one, each known subsystem, and the reserve.
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
-- Writes a reservation if what it wants remains, and returns it; nulls if not. It holds the workspace's row and that of
-- the subsystem, so neither constraints nor a status nor another reservation can come between. The reserve has no row,
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
  -- Only what is wanted has to be there: over its cost, a subsystem may still have mass to give.
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

-- The workspace's row is locked first, so reservations and transfers come one after the other; then
-- the row of the subsystem, so that no strict status takes the same amounts meanwhile.
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
  select * from core.reserve_budget(
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
-- What is not allocated is shared
--
-- What a total leaves after all allocations, the reserve's included, may be used by the subsystems to which nothing of
-- that quantity is allocated: by all of them together. One rule keeps it:
--
--   A status that tells of such an amount locks the workspace's row, before all else that it locks. So these statuses
--   come one after the other, and each sees what the others use.
--
-- A status whose amounts are all allocated to its subsystem has nothing to do with the others, and does not lock the
-- row. That it is one of these has to stay true until it commits: so whoever names mass or cost first shares an
-- advisory lock, the workspace's `allocations`, which those take alone who may take an allocation away or set a total
-- where there was none (core.lock_constraints). That lock is advisory because row locks that are shared let newcomers
-- pass whoever waits for the whole row: a change of limits might wait for ever.
--
-- Invariant: while the workspace's row is locked, none of the amounts in core.shared_use changes.
--
-- Lock order: request id, `allocations`, workspace's row, and all else after that. Because all who change what is
-- shared hold the workspace's row, one of them may lock other subsystems' rows after its own, out of their order.

-- First step of a status: what its subsystem shares with others, as the rule above says. True if it locked the row.
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
  -- A new subsystem needs the row in any case: core.announce_subsystem would share it, and not get more later.
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

-- Which amounts of a subsystem's status are limited by what it shares, by their keys in a status: those that have a
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

-- Who uses how much of what is shared. It spells core.shared_amounts out, because to call that for each row would be
-- most of the work.
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

-- By how much what is shared is exceeded, as core.overruns tells it, or would be if p_more was used too. `allocated` is
-- what the totals leave: not below 0, though an imported design may allocate more than there is.
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
    return '{}';
  end if;
  select coalesce(sum((b.value ->> 'mass_kg')::numeric), 0), coalesce(sum((b.value ->> 'cost_usd')::numeric), 0)
  into v_allocated.mass_kg, v_allocated.cost_usd
  from jsonb_each(p_constraints.budget_allocations) as b;
  -- Of a quantity without a total nothing is shared, and so nothing used here.
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
-- Moves a part of one budget to another and returns the new constraints: never below zero, never into what other
-- executions have reserved. What the execution has reserved of the first is spent; a reservation that is named ends
-- with it. Takes the workspace's row and those of both subsystems.
--
-- A quantity that was not allocated to the second begins with what that uses of it, as far as the totals leave it:
-- or a gift of 1 kg would turn "no limit" into 1 kg, and be an overrun.
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
    v_named := core.end_reservation(p_workspace, p_reservation_id, p_execution_id);
    if v_named.subsystem is distinct from p_from then
      perform core.fail(
        'reservation_lost',
        jsonb_build_object('reservation_id', p_reservation_id, 'subsystem', p_from),
        'It has ended, or is not of this execution: reserve the budget again.'
      );
    end if;
  end if;
  -- What it has no budget of, it cannot give: 0 is allocated.
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
-- A checked patch on constraints: columns are replaced, unknown keys go to metadata (null removes them), keys that the
-- database owns are ignored, so that a row that was read may be sent back as it is. An amount that is sent back as it
-- was read keeps all of its digits, because an import may have brought more than six; others are rounded.
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
-- A subsystem is over while it uses more than is allocated to it, or uses of what is shared while that is exceeded
-- (shared_budget.sql). The column within_budget says so, and a conflict follows each overrun (overrun_conflicts.sql).
--
-- Invariants, at each commit, but for what an import brought and nobody has judged yet:
-- - within_budget is true, false, or null: while nothing limits the subsystem, or nobody has written it.
-- - A verdict is no write of the subsystem: its version stays, so whoever is about to write need not read again.
--
-- Lock order: the caller holds the rows of the subsystems that are judged, and the workspace's row where the robot is
-- judged too; then reservations, the conflict counter and conflicts are locked.

-- What is true of one subsystem. p_shared_overruns may be null where it shares nothing.
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
    -- It has no allocation of these, so it shares them.
    when num_nonnulls(p_constraints.total_mass_kg_max, p_constraints.total_cost_usd_max) > 0 then true
  end;
  return v_verdict;
end;
$$;

-- What a status that is written, but not committed, does to budgets. Refused if it is strict and over; else
-- reservations, within_budget and conflicts follow. Returns the row.
--
-- Where it tells of an amount that is shared, the caller holds the workspace's row. Others are judged only where it
-- begins or ends an overrun of that: how large one is changes nobody's verdict. Then that is all who take part in it,
-- and those who are just being written too.
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
    -- Out of the order of names, but nobody who holds one of these rows waits for another: see shared_budget.sql.
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

-- Brings within_budget and the conflict of each of these subsystems up to date, and with p_is_robot_judged that of
-- the robot, after a change of budgets or of their use. Returns how many were judged.
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
  -- Overruns before those that have ended: a report takes the conflict counter, and that comes before every
  -- conflict's row.
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

-- Judges one subsystem and the robot by the constraints in force, whose lock the caller holds; nobody for null.
create or replace function core.recheck_budget(p_workspace text, p_subsystem text, p_execution_id text)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_constraints constant public.global_constraints := core.latest_constraints(p_workspace);
begin
  return p_subsystem is not null and core.judge_budgets(
    v_constraints, array[p_subsystem], core.shared_overruns(v_constraints), true, p_execution_id
  ) > 0;
end;
$$;

-- What an import says of budgets that are kept is not believed where it is wrong. It opens no conflict: an export
-- brings its own along, with their numbers. The caller holds the workspace's row.
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
-- Names and the key are checked by whoever writes them: log_conflict, resolve_conflict and the like, and the import.
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
-- What core.find_open_conflict asks for. It never finds two: these keep them apart by target or by whom they were
-- reported to, and core.find_duplicate where it is the target of the one and whom the other was reported to.
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

-- Conflict numbers come from here: the row lock makes them gap-free, a rollback gives them back. A table
-- of its own, because a write that holds a subsystem's row may open a conflict, and the workspace's row
-- comes before that one.
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
-- In two halves although it only reads: what checks the argument is not for callers.
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
-- Whom an open conflict blocks.
--
-- A conflict names agents in blocks_agents. It blocks each of them under any name of its subsystem: power,
-- power_agent and power_designer are the same to it. blocked_by, is_blocked and wait_until_unblocked ask that, and
-- checkout_subsystem for the critical ones.
--
-- Only reads, and no locks: a conflict may open right after the answer. checkout_subsystem asks again under the
-- counter of the lease that it is about to take.

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
  -- Found once: a plan that is kept would find them for each conflict anew.
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

-- What keeps an agent from starting at all.
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
  -- The keys of the conflicts that the database opens and resolves by itself are kept out of the agents' reach: it
  -- would overwrite and resolve theirs.
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
-- Of one source, target and key at most one conflict is open. A conflict counts for two targets: the one that
-- it has now, and the one that it was reported to, because its source does not have to know that it was
-- reassigned. A conflict without a key is one of its own.
--
-- Whoever may open a conflict, open one again or change a target locks the workspace's conflict counter first:
-- then the answer to "is one open?" stays true until commit, and no number is given meanwhile.
--
-- Lock order: the counter comes before every conflict row, and after the constraints and subsystem rows. A
-- transaction that resolves one conflict and may report another afterwards locks the counter first.

-- Keeps other reports of this workspace away until commit.
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

-- Locks a conflict's row until commit; its number may be wrong.
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

-- The same for a conflict that has to be open.
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

-- The open conflict of this source, target and key, locked until commit; nothing if there is none. A caller
-- that may report afterwards holds the counter already.
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

-- Another open conflict that would be the same as this one if this one were open and had this target; null if
-- there is none. Two would split what belongs together, and a report would find either. The caller holds the
-- counter. Locked, so that one that is just being resolved is waited for, and does not count then.
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

-- Before a conflict is opened again or gets another target.
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

-- The subsystem whose budget a conflict is about, or robot for the totals; null for any other conflict. The
-- database opens and resolves these by itself.
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
  -- The database's own: while a budget is exceeded the one about that is open, and one that was opened beside the
  -- facts would stay so until somebody writes amounts.
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
-- Opening a conflict, counting further reports on it, resolving it: for agents (log_conflict, resolve_conflict)
-- and for the database itself, which watches budgets.
--
-- Each change leaves an event in the history of the conflict and an entry in the activity log, in the same
-- transaction. Numbers of conflicts come from the workspace's counter, whose row stays locked until commit: they have
-- no gaps and are never given twice. Numbers of events come from the conflict's own events, under the lock of its row.
--
-- Lock order: conflict counter -> conflict row; see open_conflicts.sql. Entry points of the budgets are
-- core.report_conflict, core.find_open_conflict and core.settle_conflict.

-- The caller holds the conflict's row, under which its events are numbered.
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

-- Opens a conflict. One of the same source, target and key that is open takes the report instead, with all
-- that is new in it; a null key makes each report a conflict of its own. Null details or blocked agents leave
-- those that the open one has.
--
-- p_counts false is for what the database sees itself, again with each write: then the same report changes
-- nothing, and a changed one updates the conflict without being counted.
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
    -- core.lock_conflict_counter: before the look for an open one, so that its answer stays true.
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

-- Resolves a conflict that is open, whose row the caller holds, and returns its row. p_details is for the history.
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
-- {"from_subsystem": "reserve", "to_subsystem": "actuation", "mass_kg": 1, "cost_usd": 0, "power_w": 50}: the
-- amounts, of which those that are absent are 0.
create or replace function core.require_budget_transfer(p_transfer jsonb)
returns core.amounts
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_amounts jsonb := '{"mass_kg": 0, "cost_usd": 0, "power_w": 0}';
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
  -- A conflict about a budget that is still exceeded is not at an end by a word, nor by a transfer that is not enough:
  -- the look at the budgets that follows opens the next one. So it is resolved before that look, and all that the
  -- look and the transfer lock is locked before the conflict's row.
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
  perform core.recheck_budget(v_workspace, v_watched, p_execution_id);
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
-- How long an agent has been blocked is the age of the oldest conflict that blocks it. In two halves although it only
-- reads: what checks the argument is not for callers.
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
-- In two halves although it only reads: what checks the argument is not for callers.
create or replace function core.get_active_conflicts(p_agent_name text)
returns setof public.conflicts
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  -- Found once: a plan that is kept would find them for each conflict anew.
  v_names constant text[] := core.agent_names(p_agent_name);
begin
  -- A name that nobody can have would find nothing, and read as "nothing is in your way".
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
-- In two halves although it only reads: what refuses an unknown number is not for callers.
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
    -- An empty history would read as a conflict to which nothing happened.
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
-- Names and labels are checked by whoever writes them: core.write_activity and the import take no others.
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

-- Pages of the log, newest first, by each filter. The time after the filter is the order, so a page costs the same
-- wherever it stands in the log; the few entries of one time are sorted by id when they are read.
--
-- This is the busiest table: every mutation pays for each index, in bytes too. So a filter is not in its index as text
-- but as one number, made of workspace and value: two numbers of 8 bytes a row are a third of what the texts take, and
-- Postgres keeps pages of such short rows that grow at their end full, which is why time goes up. Two texts may
-- have one number, so a query compares the texts as well: see core.get_recent_activity.
create index agent_activity_logs_recent_idx on public.agent_activity_logs (workspace, "timestamp");
create index agent_activity_logs_by_agent_idx
on public.agent_activity_logs (hashtextextended(workspace || '/' || agent_name, 0), "timestamp");
create index agent_activity_logs_by_execution_idx
on public.agent_activity_logs (hashtextextended(workspace || '/' || execution_id, 0), "timestamp");
create index agent_activity_logs_by_activity_idx
on public.agent_activity_logs (hashtextextended(workspace || '/' || activity, 0), "timestamp");
-- The order in which followers read; filters are applied on the way, so one index serves them all.
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
-- Unknown keys are refused: a misspelt one would be lost without a word.
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
  -- What another call is just deleting is left to it. Materialized, because a join may run a subquery more than once,
  -- and each run would find other rows: p_limit would not hold.
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
-- Following the log.
--
-- Neither id nor timestamp can be followed: both are drawn before the commit, so an entry may become visible after
-- one with a higher id was read, and be missed. What can be followed is the order of transactions, up to the oldest
-- that still runs: of everything before it this snapshot sees all that there will ever be. All statements here
-- have one snapshot, because the functions are stable.
--
-- A cursor, 'transaction/id', is always the place of a committed entry, never a bare transaction number: after a crash
-- the number of a transaction that had left nothing on disk is given again.

-- Transaction numbers are those of one database server. A log that was dumped here and restored there carries numbers
-- that may lie ahead of the new server's: entries written there would go before them, and be missed by followers.
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
  -- Not for what this transaction wrote itself, whose number this snapshot may not count as given.
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

-- The entries behind a cursor. Planned anew for each call: of the filters that are null the planner then sees nothing
-- any more.
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
  -- With a filter, how many entries a call looks at in search of those that are wanted.
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
      -- A page that is full ends with its last entry, another where the search ended.
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

-- In two halves although it only reads: what checks the arguments is not for callers.
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
    -- Behind the last entry that a follower could have read by now.
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
-- The log entry of a mutation, in its transaction: either both are there or neither. Nobody waits for rows of the log,
-- so they come last in the lock order. The caller has checked the names; the table does not do it again.
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
-- Planned anew for each call: the plan that serves every combination of filters, as the cache would keep one, could
-- use none of the indexes. Of the filters that are null the planner then sees nothing any more.
--
-- Without sorts, but for those of entries of one time: the planner takes number, text and workspace for independent,
-- so it expects next to no entries, and would rather sort all that there are than follow an index in its order.
--
-- In two halves although it only reads: what checks the arguments is not for callers.
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
  -- A name that nobody can have would find nothing, and read as "nothing happened".
  perform core.require_optional_name('agent_name', p_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  if p_activity is not null then
    perform core.require_label('activity', p_activity);
  end if;
  if p_before_id is not null then
    select a."timestamp" into v_before from public.agent_activity_logs as a
    where a.id = p_before_id and a.workspace = v_workspace;
    if not found then
      -- An empty page would read as the log's end.
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
    -- Each filter by its number, for the index, and by its text: two texts may have one number.
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
-- What the functions below answer, as types, so that generated clients and the API's description know them.
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

-- sql/80_operations/checkin_subsystem.sql
-- Checks all that a check-in brings along.
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

-- The work is checked in: from now on it is made from what the checkout with this token has read. Without that token
-- nothing counts, for whoever read it has lost the lease, and its work with it. If it is complete it must be made from
-- what others publish now, or say why not: p_accept_stale, which is logged and holds for the versions of now.
create or replace function core.adopt_inputs(
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
  with read as materialized (
    select d.document, d.on_subsystem from public.document_dependencies as d
    where d.workspace = p_workspace and d.subsystem = p_subsystem and d.read_token = p_fencing_token
    order by d.document, d.on_subsystem  -- as all who write dependencies
    for update
  )
  update public.document_dependencies as d set
    seen_version = d.read_version,
    accepted_version = null,  -- was said of the work that was made from another version
    read_version = null,
    read_token = null,
    recorded_by = p_agent_name,
    recorded_at = clock_timestamp(),
    execution_id = p_execution_id
  from read as r
  where d.workspace = p_workspace and d.subsystem = p_subsystem
    and d.document = r.document and d.on_subsystem = r.on_subsystem;
  v_stale := case when p_is_complete then core.stale_inputs(p_workspace, p_subsystem) else '[]' end;
  if v_stale = '[]' then
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
  perform core.announce_subsystem(v_workspace, p_subsystem);
  if p_release then
    -- The lease `for update` from the start: to share it first and to delete it later would be a lock upgrade, and two
    -- of those deadlock. The counter comes before, as everywhere.
    perform core.share_fencing_counter(v_workspace, 'subsystem', p_subsystem);
    perform from public.agent_locks as l
    where l.workspace = v_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
    for update;
  end if;
  perform core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token);

  -- The writes: status, what the work was made from, documents.
  v_status := core.write_status(v_workspace, p_subsystem, p_status, p_execution_id, p_strict);
  if v_publishes then
    -- Before the dependencies, which a reason for stale inputs changes.
    perform core.lock_publications(v_workspace, array[p_subsystem], true);
  end if;
  if v_status.state = 'complete' or v_publishes then
    -- This is what was made from the versions that the checkout has read; a mere state says nothing of that.
    perform core.adopt_inputs(
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
    p_details || jsonb_strip_nulls(jsonb_build_object(
      'subsystem', p_subsystem, 'state', v_status.state, 'version', v_status.version,
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
-- Notes which versions of others' documents the holder of a subsystem's lease has read: p_versions says by subsystem
-- which, and of those that are not in it there was none yet (0). What it read of itself is no dependency. A new
-- dependency is on what was read; of a known one that stands apart until the check-in, see core.adopt_inputs. A
-- repetition of the call may be a late copy, whose answer nobody reads: it changes nothing that is noted, for to take
-- the work for older than it is costs a look, and for newer hides a change.
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
  order by n.name  -- all writers in one order, so that none of them deadlock
  on conflict (workspace, subsystem, on_subsystem, document) do update set
    read_version = nullif(excluded.seen_version, d.seen_version),
    read_token = case when d.seen_version <> excluded.seen_version then p_lease.fencing_token end
  -- To read the same again is no news.
  where not p_is_repetition and (d.read_version, d.read_token) is distinct from (
    nullif(excluded.seen_version, d.seen_version),
    case when d.seen_version <> excluded.seen_version then p_lease.fencing_token end
  );
  return found;
end;
$$;

-- What an agent that has checked a subsystem out needs to read; with its check-in the subsystem is made from
-- the versions that it is given of other subsystems' documents.
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
  p_request_id uuid
)
returns setof public.subsystem_checkout
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_is_repetition boolean;
  v_blockers public.conflicts[] := '{}';
  v_lease public.agent_locks;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_names('reads', p_reads);
  perform core.require_names('reads_requirements', p_reads_requirements);
  perform core.require_agent('agent_name', p_agent_name);

  -- A repetition gets its lease also when a conflict came between, or nobody would know of it.
  v_is_repetition := core.was_answered(v_workspace, p_request_id);
  if not v_is_repetition then
    v_blockers := core.critical_blockers(v_workspace, p_agent_name);
    if v_blockers = '{}' then
      -- A writer may be at it, and a conflict come while we wait for its end: so the counter of the lease first, and
      -- then another look. Nothing if that writer does not come to an end.
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

  -- The lease is the only thing that changes, so its request id does for the whole; a repetition
  -- gets the same lease with what can be read now.
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
  request_id uuid default null
)
returns setof public.subsystem_checkout
language sql
rows 1
set search_path = ''
as $$
  select * from core.checkout_subsystem(
    subsystem, agent_name, execution_id, ttl_seconds, reads, reads_requirements, request_id
  );
$$;

comment on function public.checkout_subsystem(text, text, text, integer, text[], text[], uuid) is
'Takes the lease of a subsystem and reads all that its agent needs, in one round trip; nothing (an empty list) if
somebody holds it, or is writing it and not done within a second.

While an open critical conflict blocks this agent the lease is null, nothing is taken, and blocked_by holds those
conflicts.

reads: other subsystems whose latest interfaces come along as `inputs`, reads_requirements: whose latest requirements
come along as `input_requirements`. The subsystem depends on them, and with the check-in it is made from the versions
that came first, also if a repetition with the same request_id brings newer ones; see system_status.stale_inputs.
conflicts: the open ones that concern this agent.';

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

-- A read with a private half, because the counters are not for callers.
--
-- Leases are left out: a lease binds an agent that runs now. Their token counters are in, so that no
-- old token is valid again where the document is imported.
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
        -- What a checkout has read goes with its lease.
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
      -- An entry that was not imported gets a key made of where it comes from, the same each time.
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
    -- One value of Postgres holds at most 256 MB of an object or array. What usually fills it is the log.
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
-- What an import brings of the design itself: constraints, subsystems, versions of documents and what depends on them.
--
-- - An entry is known by its identity: name, version, or the three names of a dependency. One that says the same as
--   what is here is unchanged; anything else is refused, and what is here stays.
-- - Defaults that nobody has touched give way: constraints made by init, subsystems that no execution has written.
-- - What breaks a constraint of a table ends the whole import: see core.import_state.
--
-- Lock order: workspace row, allocations, subsystem rows by name, and last the dependencies, in the order in which all
-- write them.

-- Whether an imported version may come after the latest one here, 0 for none. Versions have no gaps, so one that
-- leaves a gap lacks others; but a restore jumps over numbers. What it numbers anew is made from the version before,
-- unmerged, and what is made after it begins anywhere.
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
    -- Defaults that nobody has touched give way to a first version. After a restore either may be another than 1.
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
  -- Far below what the column holds, or the next write could not count on.
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
    -- Made by init, by an import or for a document, and written by no execution since, it gives way: whoever
    -- repairs a file and imports again gets the repaired status. Of what is the same nothing is written.
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
    -- Not within_budget, which the database finds out by itself.
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

-- The versions of one kind of document: those of its table, whose content is in this column.
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
    -- An entry is compared with the version that it names, and with all of them only if it names none.
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
    order by e.subsystem, e.document, e.on_subsystem  -- as all who write dependencies
  loop
    v_entry.workspace := p_workspace;
    v_entry.read_version := null;  -- binds a lease, and those are not imported
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
-- What an import brings of what has happened: counters, conflicts with their histories, the log.
--
-- - Numbers and tokens that were handed out are never handed out again: counters only grow. They are bounded far below
--   what the columns hold, for a counter at its end would stop its workspace for good.
-- - A conflict is known by its number, an entry of the log by its import_key. What is here already stays as it is.
-- - A conflict brings its events along; one that is refused keeps its own.
--
-- Lock order: fencing counters by resource; later, after the subsystem rows, the counter of conflicts (which
-- core.import_state takes), then conflicts, then the log.

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

-- The events of a conflict that was just imported. One that comes without any was opened, and perhaps
-- resolved, by whom its own columns say.
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

-- Under the lock on the counter's row, so that no conflict is numbered meanwhile.
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
    -- An open one of the same source, target and key may be here under another number: it stays.
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
  -- Each name once: a log has many entries of few.
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
-- Checks the document and its sections as they arrive; what the entries say is checked where they are imported.
create or replace function core.require_import_document(p_document jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_section record;
begin
  -- The documents in it, 200 levels themselves, begin six levels deep at most: what a report of a conflict said,
  -- conflicts[i].events[j].details.details.
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
    -- The counter of conflicts comes after the subsystems in the lock order, and before the dependencies.
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
-- The default design: the limits, budgets and subsystems of the humanoid. Only fills what is absent;
-- the marker `init` lets an import replace it as long as nobody has touched it. Where there are statuses already
-- they are judged by these limits, as by any others: before the subsystems that nobody has written are there. To
-- make those last is within the lock order: whoever else makes one holds the workspace's row, so none is waited for.
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
-- A read with a private half, because a caller reads the rows of one workspace, and these are of all.
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
  case when d.subsystem is null then '[]' else core.stale_inputs(s.workspace, s.name) end as stale_inputs,
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
  -- Each open conflict once for each subsystem that it concerns: one pass, however many subsystems. Those among the
  -- same agents are counted together.
  select
    p.workspace,
    p.subsystem,
    sum(p.conflicts)::bigint as active_conflicts
  from (
    select distinct
      o.workspace,
      -- core.agent_subsystem, spelt out: to call it for each name takes most of the time of the view.
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
  -- Who is stale at all: one pass finds the few for whom it has to be told what changed. `offset 0` has each looked up
  -- by index: as a join it would read all versions of all documents.
  select distinct
    i.workspace,
    i.subsystem
  from public.document_dependencies as i
  where exists (
    select from core.documents as v
    where
      v.workspace = i.workspace and v.document = i.document and v.subsystem = i.on_subsystem
      and v.version > greatest(i.seen_version, i.accepted_version)
    offset 0 -- noqa: AM09
  )
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

-- sql/90_grants.sql
-- Who may call what, on one screen. Names without arguments: no function is overloaded.
-- An RPC is a pair, the public wrapper and the core function behind it; some reads are the first alone.
-- Role anon: nobody in particular; authenticated: an agent; service_role: an operator.

-- Tables: read through row level security, written by functions alone.
revoke all on
public.global_constraints, public.budget_reservations, public.budget_usage, public.subsystems,
public.subsystem_requirements, public.subsystem_interfaces, public.subsystem_designs, public.document_dependencies,
public.conflicts, public.conflict_events, public.agent_activity_logs, public.agent_locks, public.system_status,
public.lock_queue, core.lock_tickets, core.live_lock_tickets, core.lock_ticket_resources, core.documents,
core.live_reservations
from public, anon, authenticated, service_role;

grant select on
public.global_constraints, public.budget_reservations, public.budget_usage, public.subsystems,
public.subsystem_requirements, public.subsystem_interfaces, public.subsystem_designs, public.document_dependencies,
public.conflicts, public.conflict_events, public.agent_activity_logs, public.agent_locks, public.system_status,
public.lock_queue, core.lock_tickets, core.live_lock_tickets, core.lock_ticket_resources, core.documents,
core.live_reservations
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
public.get_board, core.get_board,
public.schema_version
to authenticated, service_role;

-- What row level security and the reads above evaluate with the caller's rights
grant execute on function
core.visible_workspace, core.current_workspace, core.stale_inputs
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
-- Realtime of the platform and of Studio: subscribers see changes of the rows that row level security
-- lets them read. Where there is no such publication there is nothing to do. Called by the migration, and after a
-- restore, because tables that are made anew have left it. Answers how many tables have joined.
--
-- Row level security does not reach deletes: the key of the row goes to every subscriber of the table, and ours
-- hold names of workspaces and of what is in them. So tables whose rows end in normal work stay out.
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
  -- Ours, and no table of anybody else: those whose row security asks for the workspace.
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

-- Last, when every table has its row security.
do $$
begin
  perform core.join_realtime();
end;
$$;

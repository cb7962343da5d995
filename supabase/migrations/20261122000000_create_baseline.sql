-- Made from sql/ by scripts/build_migration.py. Edit sql/ and run it again.

-- sql/00_schemas.sql
-- sharedstate: all of its objects live in two schemas. `public` is the API, `core` is the rest.
--
-- Lock order, the same in every function, so that no two of them can deadlock:
--   request id (advisory) -> workspace row -> fencing counter -> lease -> subsystem row -> conflict row
-- A function takes only some of them, but never one that stands before what it holds already.

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
    when 'request_id_reused' then 'PT409'
    when 'lease_lost' then 'PT409'
    when 'deadlock' then 'PT409'
    when 'stale_version' then 'PT409'
    when 'conflict_already_resolved' then 'PT409'
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

-- sql/05_validation/is_amount.sql
-- The upper bound also refuses NaN and Infinity, which Postgres sorts above every number.
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

-- sql/05_validation/is_label.sql
-- States and activities: agents invent them freely, so only what breaks a terminal is refused.
create or replace function core.is_label(p_label text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(p_label !~ '[[:cntrl:]]' and length(p_label) between 1 and 200, false);
end;
$$;

comment on function core.is_label(text) is
'True for 1 to 200 characters without control characters.';

-- sql/05_validation/is_name.sql
-- One rule for every name: workspaces, subsystems, agents, resources, executions. ASCII, because
-- names travel in HTTP headers, file names and shell commands.
create or replace function core.is_name(p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(p_name ~ '^[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,127}$', false);
end;
$$;

comment on function core.is_name(text) is
'True for 1 to 128 characters of A-Z a-z 0-9 _ . : @ / - that start with a letter or digit.';

-- sql/05_validation/merge_patch.sql
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

-- sql/05_validation/require_amount.sql
-- The value stays jsonb until it is known to be a JSON number: a cast would accept the string "NaN".
create or replace function core.require_amount(p_argument text, p_value jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_amount constant numeric := case when jsonb_typeof(p_value) = 'number' then p_value::numeric end;
begin
  if not core.is_amount(v_amount) then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is not an amount', 'value', p_value),
      'Use a JSON number of at least 0 and less than 1e12.'
    );
  end if;
  return true;
end;
$$;

-- sql/05_validation/require_label.sql
create or replace function core.require_label(p_argument text, p_label text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if not core.is_label(p_label) then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', p_argument,
        'reason', case when p_label is null then 'is missing' else 'is not a valid label' end,
        'value', left(p_label, 200)
      ),
      'Use 1 to 200 characters without control characters.'
    );
  end if;
  return true;
end;
$$;

-- sql/05_validation/require_name.sql
create or replace function core.require_name(p_argument text, p_name text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if not core.is_name(p_name) then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', p_argument,
        'reason', case when p_name is null then 'is missing' else 'is not a valid name' end,
        'value', left(p_name, 200)
      ),
      'A name has 1 to 128 characters of A-Z a-z 0-9 _ . : @ / - and starts with a letter or digit.'
    );
  end if;
  return true;
end;
$$;

-- sql/05_validation/require_names.sql
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

-- sql/05_validation/require_object.sql
create or replace function core.require_object(p_argument text, p_document jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
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
  end if;
  return true;
end;
$$;

-- sql/05_validation/require_optional_name.sql
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

-- sql/05_validation/require_present.sql
-- For arguments of any type that have no null of their own: JSON callers can send null for each.
create or replace function core.require_present(p_argument text, p_value jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_value is null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is missing'),
      'Send a value instead of null, or leave the argument out if it has a default.'
    );
  end if;
  return true;
end;
$$;

-- sql/05_validation/require_text.sql
create or replace function core.require_text(p_argument text, p_text text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_text is null or btrim(p_text) = '' or length(p_text) > 10000 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', p_argument,
        'reason', case when length(p_text) > 10000 then 'is too long' else 'is missing or empty' end
      ),
      'Use 1 to 10000 characters.'
    );
  end if;
  return true;
end;
$$;

-- sql/05_validation/require_whole_number.sql
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
  v_is_valid boolean := false;
begin
  if jsonb_typeof(p_value) = 'number' then
    v_is_valid := p_value::numeric between p_least and p_most and p_value::numeric = trunc(p_value::numeric);
  end if;
  if not v_is_valid then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is out of range', 'value', p_value),
      format('Use a whole number from %s to %s.', p_least, p_most)
    );
  end if;
  return true;
end;
$$;

-- sql/10_access/tables.sql
create table core.workspaces (
  name text primary key check (core.is_name(name)),
  created_at timestamptz not null default clock_timestamp(),
  -- Conflict numbers come from here: the row lock makes them gap-free, a rollback gives them back.
  last_conflict_id bigint not null default 0
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

-- sql/10_access/agent_subsystem.sql
-- skeleton, skeleton_agent and skeleton_designer all work on subsystem skeleton.
create or replace function core.agent_subsystem(p_agent_name text)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return regexp_replace(p_agent_name, '_(agent|designer)$', '');
end;
$$;

-- sql/10_access/claimed_agent.sql
create or replace function core.claimed_agent()
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return core.jwt_claims() ->> 'agent';
end;
$$;

comment on function core.claimed_agent() is
'The agent name that the token pins, or null where it pins none.';

-- sql/10_access/current_workspace.sql
-- The claim pins: with a `workspace` claim, the x-workspace header is not even looked at.
-- An unknown name is an error and not an empty design, because a typo would otherwise look like one.
create or replace function core.current_workspace()
returns text
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_claims constant jsonb := core.jwt_claims();
  v_workspace text;
begin
  if v_claims ? 'workspace' then
    v_workspace := v_claims ->> 'workspace';
  else
    v_workspace := coalesce(
      nullif(nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-workspace', ''),
      'default'
    );
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

-- sql/10_access/fail_request_id_reused.sql
create or replace function core.fail_request_id_reused(p_request_id uuid, p_first_used_by text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'request_id_reused',
    jsonb_build_object('request_id', p_request_id, 'first_used_by', p_first_used_by),
    'Make a new request_id for every new call; repeat one only with the same arguments.'
  );
end;
$$;

-- sql/10_access/forget_old_requests.sql
-- Takes the oldest few hundred by the index and skips what another caller is just deleting.
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
  delete from core.requests as r
  using (
    select o.workspace, o.request_id from core.requests as o
    where o.created_at < v_before
    order by o.created_at
    limit 500
    for update skip locked
  ) as old
  where r.workspace = old.workspace and r.request_id = old.request_id;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

-- sql/10_access/is_api_request.sql
-- False in psql and Studio, where an operator works across workspaces.
create or replace function core.is_api_request()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(current_setting('request.jwt.claims', true), '') <> '';
end;
$$;

-- sql/10_access/jwt_claims.sql
-- PostgREST sets the claims for each request; from psql they are unset or empty.
create or replace function core.jwt_claims()
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb, '{}');
end;
$$;

-- sql/10_access/recall_request.sql
-- First step of every mutation, and first in the lock order. The advisory lock makes a repetition
-- that overlaps its original wait for that one's outcome instead of running beside it.
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
  perform pg_advisory_xact_lock(hashtextextended(p_workspace || '/' || p_request_id, 0));
  select * into v_known from core.requests as r
  where r.workspace = p_workspace and r.request_id = p_request_id;
  if v_known.function_name <> p_function_name or v_known.arguments_hash <> v_hash then
    perform core.fail_request_id_reused(p_request_id, v_known.function_name);
  end if;
  return row(
    p_workspace, p_request_id, p_function_name, v_hash, v_known.request_id is not null, v_known.answer
  )::core.request;
end;
$$;

-- sql/10_access/remember_request.sql
-- Last step of every mutation: keeps the answer for a repetition. One call in a hundred also drops
-- what is older than a day, so that the table stays as large as a day's work without a scheduler.
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

-- sql/10_access/require_agent.sql
-- A token with an `agent` claim speaks for that agent alone; without one, the caller names itself.
create or replace function core.require_agent(p_argument text, p_agent_name text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  perform core.require_name(p_argument, p_agent_name);
  if core.jwt_claims() ? 'agent' and p_agent_name is distinct from core.claimed_agent() then
    perform core.fail(
      'agent_mismatch',
      jsonb_build_object('agent_name', p_agent_name, 'token_agent', core.claimed_agent()),
      'Use the name in the token, or a token for this agent.'
    );
  end if;
  return true;
end;
$$;

-- sql/20_subsystems/tables.sql
create table public.subsystems (
  workspace text not null references core.workspaces (name),
  name text not null check (core.is_name(name)),
  state text not null default 'not_started' check (core.is_label(state)),
  current_mass_kg numeric not null default 0 check (core.is_amount(current_mass_kg)),
  current_cost_usd numeric not null default 0 check (core.is_amount(current_cost_usd)),
  current_power_w numeric not null default 0 check (core.is_amount(current_power_w)),
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
'Whether the design keeps to its budget; null while nobody has said.';
comment on column public.subsystems.iteration is 'How often the subsystem was redesigned.';
comment on column public.subsystems.metadata is 'Every key of a status that is no column.';
comment on column public.subsystems.version is
'Grows by one with each write; send it back to write only if nobody else did.';
comment on column public.subsystems.last_execution_id is 'The execution that wrote last.';

alter table public.subsystems enable row level security;
create policy subsystems_of_own_workspace on public.subsystems
for select to authenticated, service_role
using (workspace = (select core.current_workspace()));

-- sql/20_subsystems/lock_subsystem.sql
-- Makes an unknown subsystem and locks its row until commit, so that versions of its status and of
-- its documents are given one after the other. `no key update` lets foreign keys be checked meanwhile.
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

-- sql/20_subsystems/require_status.sql
-- Checks a status as it arrives: the types of the keys that are columns. Other keys are metadata.
create or replace function core.require_status(p_subsystem text, p_status jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_key text;
begin
  perform core.require_object('status', p_status);
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
    perform core.require_whole_number('status.version', p_status -> 'version', 0, 2147483647);
  end if;
  if p_status ? 'metadata' then
    perform core.require_object('status.metadata', p_status -> 'metadata');
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

-- sql/20_subsystems/update_subsystem_status.sql
create or replace function core.update_subsystem_status(
  p_subsystem text,
  p_status jsonb,
  p_execution_id text,
  p_fencing_token bigint,
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
  v_request := core.recall_request(
    v_workspace, p_request_id, 'update_subsystem_status',
    jsonb_build_array(p_subsystem, p_status, p_execution_id, p_fencing_token)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.subsystems, v_request.answer);
  end if;
  v_agent := core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token);
  v_row := core.write_status(v_workspace, p_subsystem, p_status, p_execution_id);
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
  request_id uuid default null
)
returns public.subsystems
language sql
set search_path = ''
as $$
  select core.update_subsystem_status(subsystem, status, execution_id, fencing_token, request_id);
$$;

comment on function public.update_subsystem_status(text, jsonb, text, bigint, uuid) is
'Merges a status into a subsystem, which is made if unknown, and returns the row.

Absent keys keep their value, unknown keys go to metadata (null removes them). A `version` makes it a compare-and-set:
stale_version if somebody wrote since. resource_locked while another execution holds the lease; with a fencing_token,
lease_lost unless that lease is still alive.';

-- sql/20_subsystems/write_status.sql
-- Merges a checked status into the row: absent keys keep their value, unknown keys go to metadata,
-- keys that the database owns are ignored, so that a row that was read may be sent back as it is.
create or replace function core.write_status(
  p_workspace text,
  p_subsystem text,
  p_status jsonb,
  p_execution_id text
)
returns public.subsystems
language plpgsql
set search_path = ''
as $$
declare
  v_columns constant text[] := array[
    'state', 'current_mass_kg', 'current_cost_usd', 'current_power_w', 'within_budget', 'iteration'
  ];
  v_owned constant text[] := array[
    'workspace', 'name', 'metadata', 'version', 'last_execution_id', 'created_at', 'updated_at'
  ];
  v_old constant public.subsystems := core.lock_subsystem(p_workspace, p_subsystem);
  v_new public.subsystems;
begin
  if jsonb_typeof(p_status -> 'version') <> 'null' and p_status -> 'version' <> to_jsonb(v_old.version) then
    perform core.fail(
      'stale_version',
      jsonb_build_object('subsystem', p_subsystem, 'expected', p_status -> 'version', 'actual', v_old.version),
      'Read the status again, redo the change on it and write that.'
    );
  end if;
  v_new := jsonb_populate_record(v_old, (
    -- 2.0 is a whole number to JSON, but no text of an integer.
    select coalesce(
      jsonb_object_agg(e.key, case when e.key = 'iteration' then to_jsonb(e.value::integer) else e.value end), '{}'
    )
    from jsonb_each(p_status) as e
    where e.key = any(v_columns)
  ));
  v_new.metadata := core.merge_patch(
    core.merge_patch(v_old.metadata, coalesce(p_status -> 'metadata', '{}')),
    p_status - v_columns - v_owned
  );
  update public.subsystems as s
  set
    state = v_new.state,
    current_mass_kg = v_new.current_mass_kg,
    current_cost_usd = v_new.current_cost_usd,
    current_power_w = v_new.current_power_w,
    within_budget = v_new.within_budget,
    iteration = v_new.iteration,
    metadata = v_new.metadata,
    version = s.version + 1,
    last_execution_id = p_execution_id,
    updated_at = clock_timestamp()
  where s.workspace = p_workspace and s.name = p_subsystem
  returning s.* into v_new;
  return v_new;
end;
$$;

-- sql/30_locks/tables.sql
create table public.agent_locks (
  workspace text not null,
  resource_type text not null check (core.is_name(resource_type)),
  resource_name text not null check (core.is_name(resource_name)),
  locked_by text not null check (core.is_name(locked_by)),
  execution_id text not null check (core.is_name(execution_id)),
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
-- The search for a deadlock asks what an execution holds.
create index agent_locks_execution_id_idx on public.agent_locks (workspace, execution_id);

alter table public.agent_locks enable row level security;
create policy agent_locks_of_own_workspace on public.agent_locks
for select to authenticated, service_role
using (workspace = (select core.current_workspace()));

-- Outlives the lease rows, so that tokens grow even after a lease was deleted by hand. Its row lock
-- puts all grants of one resource in line and keeps them apart from writes of that resource.
create table core.fencing_counters (
  workspace text not null,
  resource_type text not null,
  resource_name text not null,
  last_token bigint not null default 0,
  primary key (workspace, resource_type, resource_name)
);
comment on table core.fencing_counters is 'The last fencing token of every resource that was ever locked.';
alter table core.fencing_counters enable row level security;

create type core.resource as (resource_type text, resource_name text);

-- Who stands before a ticket: a holder (ticket_id null) or the ticket before it in line.
create type core.blocker as (execution_id text, agent_name text, resource core.resource, ticket_id bigint);

-- The queue. A ticket waits for one resource or for several, which it gets together or not at all;
-- while it waits it holds none. Deleted when it is granted, cancelled or long dead.
create table core.lock_tickets (
  ticket_id bigint generated always as identity primary key,
  workspace text not null,
  request_id uuid not null,
  function_name text not null,
  arguments_hash bigint not null,
  agent_name text not null,
  execution_id text not null,
  ttl_seconds integer not null,
  priority integer not null,
  -- The place in line: the time of arrival, 30 s earlier for each step of priority. A fixed number,
  -- so it ages by itself: whoever comes 60 s later cannot get ahead with any priority.
  queue_key timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp(),
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
using (workspace = (select core.current_workspace()));

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
using (workspace = (select core.current_workspace()));

create type public.lock_wait as (
  state text,
  leases public.agent_locks [],
  position integer,
  retry_ms integer,
  waiting_for text []
);
comment on type public.lock_wait is
'Answer of wait_for_lock. state: granted (leases are yours), waiting (ask again after retry_ms) or gone (no such
request waits).';

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
inner join core.lock_tickets as t
  on r.ticket_id = t.ticket_id
where
  t.seen_at > clock_timestamp() - interval '5 seconds'
  and t.gives_up_at > clock_timestamp()
  and t.refused is null;

comment on view public.lock_queue is 'Who waits for which lock, in the order in which they will get it.';

create type public.lock_status as (
  resource_type text,
  resource_name text,
  holder public.agent_locks,
  queue public.lock_queue []
);
comment on type public.lock_status is 'Answer of get_lock_status.';

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
  return query select * from core.take_leases(
    array[row(p_resource_type, p_resource_name)::core.resource], p_agent_name, p_execution_id, p_ttl_seconds,
    p_wait_seconds, p_priority, p_request_id
  );
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
'Takes the lease of a resource: its row if granted, an empty list if somebody holds it.

A lease lasts ttl_seconds (1 to 86400) by the database''s clock unless renewed; an expired one is free to take at
once. Not reentrant: the holder is refused as well. Send the fencing_token with every write that the lease protects.

With wait_seconds (and a request_id) an empty list means: in line, in order of arrival, priority 1 to 4 first. Call
wait_for_lock with that request_id until it answers granted, or cancel_lock_request. Whoever is ready to wait is given
a lease for 10 s at most, at once or later; confirm it by renew_lock to keep it for ttl_seconds.
deadlock if the wait would close a cycle of agents that wait for each other.';

-- sql/30_locks/acquire_locks.sql
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
  return query select * from core.take_leases(
    core.require_resources(p_resources), p_agent_name, p_execution_id, p_ttl_seconds, p_wait_seconds, p_priority,
    p_request_id
  );
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

-- sql/30_locks/await_ticket.sql
-- How a waiting request stands. The first two in line may be parked here for up to p_park_ms, so that
-- they see a release within milliseconds; everybody else is told when to ask again. While it parks, a
-- call holds no lock on any row and has written nothing.
create or replace function core.await_ticket(p_workspace text, p_request_id uuid, p_park_ms integer)
returns public.lock_wait
language plpgsql
set search_path = ''
as $$
declare
  v_until constant timestamptz := clock_timestamp() + p_park_ms * interval '1 millisecond';
  v_is_parked boolean := false;
  v_ticket core.lock_tickets;
  v_position integer;
  v_leases public.agent_locks[];
begin
  loop
    select * into v_ticket from core.lock_tickets as t
    where t.workspace = p_workspace and t.request_id = p_request_id;
    if v_ticket.refused is not null then
      perform core.fail_deadlock(v_ticket.refused);
    elsif v_ticket.gives_up_at > clock_timestamp() is not true then
      -- A grant takes the ticket away; so does an end of the wait.
      v_leases := core.leases_of_request(p_workspace, p_request_id);
      return row(case when v_leases = '{}' then 'gone' else 'granted' end, v_leases, 0, 0, '{}')::public.lock_wait;
    end if;
    v_position := core.ticket_position(v_ticket);
    continue when v_position is null;  -- it was granted, or cancelled, just now
    if v_position = 1 then
      v_leases := core.grant_ticket(v_ticket);
      if v_leases is not null then
        return row('granted', v_leases, 0, 0, '{}')::public.lock_wait;
      end if;
    end if;
    exit when v_position > 2 or clock_timestamp() >= v_until;
    v_is_parked := v_is_parked or core.take_parking_slot(v_position);
    exit when not v_is_parked;
    -- A grant takes the ticket out of the queue, and to see that is cheap. All else (the holder lapsed,
    -- the one before has left) may wait for the next full look.
    for v_glance in 1..20 loop
      perform pg_sleep(0.002);
      exit when not exists (select from core.lock_tickets as t where t.ticket_id = v_ticket.ticket_id);
    end loop;
  end loop;
  return core.keep_waiting(v_ticket, v_position);
end;
$$;

-- sql/30_locks/blockers.sql
-- Who stands before a ticket: the holders of what it waits for, and the ticket before it in each line.
-- A holder of its own execution is left out: another thread may well release what this one awaits.
create or replace function core.blockers(p_ticket core.lock_tickets)
returns setof core.blocker
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select l.execution_id, l.locked_by, row(l.resource_type, l.resource_name)::core.resource, null::bigint
  from core.lock_ticket_resources as r
  inner join public.agent_locks as l
    on r.workspace = l.workspace and r.resource_type = l.resource_type and r.resource_name = l.resource_name
  where r.ticket_id = p_ticket.ticket_id
    and l.expires_at > clock_timestamp() and l.execution_id <> p_ticket.execution_id
  union all
  select t.execution_id, t.agent_name, row(r.resource_type, r.resource_name)::core.resource, t.ticket_id
  from core.lock_ticket_resources as r
  cross join lateral (
    select b.* from core.lock_ticket_resources as a
    inner join core.lock_tickets as b on a.ticket_id = b.ticket_id
    where a.workspace = r.workspace and a.resource_type = r.resource_type and a.resource_name = r.resource_name
      and (a.queue_key, a.ticket_id) < (r.queue_key, r.ticket_id)
      and core.is_live_ticket(b)
    order by a.queue_key desc, a.ticket_id desc
    limit 1
  ) as t
  where r.ticket_id = p_ticket.ticket_id;
end;
$$;

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
  perform pg_advisory_xact_lock(hashtextextended(v_workspace || '/' || p_request_id, 0));
  delete from core.lock_tickets as t
  where t.workspace = v_workspace and t.request_id = p_request_id
    and t.agent_name = coalesce(core.claimed_agent(), t.agent_name);
  v_has_ended := found;
  -- It may have won the race: what it was given goes back, and on to the next in line.
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
  v_workspace constant text := case when core.is_api_request() then core.current_workspace() end;
  v_lease public.agent_locks;
  v_count integer := 0;
begin
  for v_lease in
    delete from public.agent_locks as l
    using (
      select o.workspace, o.resource_type, o.resource_name from public.agent_locks as o
      where o.expires_at <= clock_timestamp() and (v_workspace is null or o.workspace = v_workspace)
      for update skip locked
    ) as lapsed
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

-- sql/30_locks/enqueue.sql
-- Puts a request in line, unless its wait would close a cycle of agents that wait for each other.
create or replace function core.enqueue(
  p_request core.request,
  p_resources core.resource[],
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_wait_seconds numeric,
  p_priority integer
)
returns core.lock_tickets
language plpgsql
set search_path = ''
as $$
declare
  v_ticket core.lock_tickets;
begin
  perform core.forget_dead_tickets(p_request.workspace, p_resources);
  insert into core.lock_tickets as t (
    workspace, request_id, function_name, arguments_hash, agent_name, execution_id, ttl_seconds, priority,
    queue_key, gives_up_at
  ) values (
    p_request.workspace, p_request.request_id, p_request.function_name, p_request.arguments_hash, p_agent_name,
    p_execution_id, p_ttl_seconds, p_priority,
    clock_timestamp() + (p_priority - 3) * interval '30 seconds',
    clock_timestamp() + make_interval(secs => p_wait_seconds)
  )
  returning t.* into v_ticket;
  insert into core.fencing_counters (workspace, resource_type, resource_name)
  select p_request.workspace, r.resource_type, r.resource_name from unnest(p_resources) as r
  on conflict do nothing;
  insert into core.lock_ticket_resources (workspace, resource_type, resource_name, queue_key, ticket_id)
  select p_request.workspace, r.resource_type, r.resource_name, v_ticket.queue_key, v_ticket.ticket_id
  from unnest(p_resources) as r;
  perform core.refuse_deadlock(v_ticket, true);
  return v_ticket;
end;
$$;

-- sql/30_locks/fail_deadlock.sql
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

-- sql/30_locks/fail_lease_lost.sql
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

-- sql/30_locks/find_cycle.sql
-- Searches from a ticket along "waits for", breadth first, until it comes back to that ticket or to a
-- lease of its execution. Returns the cycle as a list of waits_for, or null.
create or replace function core.find_cycle(p_ticket core.lock_tickets)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_paths jsonb[] := array['[]'::jsonb];
  v_frontier core.lock_tickets[] := array[p_ticket];
  v_seen bigint[] := array[]::bigint[];
  v_path jsonb;
  v_blocker core.blocker;
  v_next core.lock_tickets;
begin
  while cardinality(v_frontier) > 0 loop
    for v_blocker in select * from core.blockers(v_frontier[1]) loop
      v_path := v_paths[1] || core.waits_for(v_frontier[1], v_blocker.resource);
      for v_next in select * from core.waits_of(v_blocker, p_ticket.workspace) loop
        if v_next.ticket_id = p_ticket.ticket_id then
          return v_path;
        elsif v_next.ticket_id <> all(v_seen) then
          v_seen := v_seen || v_next.ticket_id;
          v_frontier := v_frontier || v_next;
          v_paths := v_paths || v_path;
        end if;
      end loop;
    end loop;
    v_frontier := v_frontier[2:];
    v_paths := v_paths[2:];
  end loop;
  return null;
end;
$$;

-- sql/30_locks/first_in_line.sql
-- The ticket whose turn it is for a resource, or null where nobody alive waits.
create or replace function core.first_in_line(p_workspace text, p_resource core.resource)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_ticket bigint;
begin
  select t.ticket_id into v_ticket
  from core.lock_ticket_resources as r
  inner join core.lock_tickets as t on r.ticket_id = t.ticket_id
  where r.workspace = p_workspace
    and r.resource_type = p_resource.resource_type and r.resource_name = p_resource.resource_name
    and core.is_live_ticket(t)
  order by r.queue_key, r.ticket_id
  limit 1;
  return v_ticket;
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

-- sql/30_locks/forget_dead_tickets.sql
-- Tickets whose client is gone for good; `skip locked`, because another newcomer may be at it.
create or replace function core.forget_dead_tickets(p_workspace text, p_resources core.resource[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  delete from core.lock_tickets as t
  using (
    select d.ticket_id
    from core.lock_tickets as d
    inner join core.lock_ticket_resources as r on d.ticket_id = r.ticket_id
    inner join unnest(p_resources) as w
      on r.workspace = p_workspace and r.resource_type = w.resource_type and r.resource_name = w.resource_name
    where least(d.seen_at, d.gives_up_at) < clock_timestamp() - interval '60 seconds'
    for update of d skip locked
  ) as dead
  where t.ticket_id = dead.ticket_id;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

-- sql/30_locks/get_lock_status.sql
create or replace function public.get_lock_status(resource_type text, resource_name text)
returns public.lock_status
language sql
stable
set search_path = ''
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

-- sql/30_locks/grant_leases.sql
-- Grants all of the resources (sorted by type and name), or returns null. A granted ticket leaves the
-- queue in the same transaction.
create or replace function core.grant_leases(
  p_workspace text,
  p_resources core.resource[],
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_request_id uuid,
  p_ticket_id bigint,
  p_is_provisional boolean
)
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
declare
  v_resource core.resource;
  v_leases public.agent_locks[] := array[]::public.agent_locks[];
begin
  -- A look without locks first: most attempts on a held resource end here, without a write.
  foreach v_resource in array p_resources loop
    if core.is_held(p_workspace, v_resource) then
      return null;
    end if;
  end loop;
  foreach v_resource in array p_resources loop
    if not core.lock_for_grant(p_workspace, v_resource, p_ticket_id) then
      return null;
    end if;
  end loop;
  if p_ticket_id is not null then
    delete from core.lock_tickets as t where t.ticket_id = p_ticket_id and t.refused is null;
    if not found then
      return null;  -- cancelled, or refused as a deadlock, while we waited for the locks
    end if;
  end if;
  foreach v_resource in array p_resources loop
    v_leases := v_leases || core.write_lease(
      p_workspace, v_resource, p_agent_name, p_execution_id, p_ttl_seconds, p_request_id, p_is_provisional
    );
  end loop;
  return v_leases;
end;
$$;

-- sql/30_locks/grant_ticket.sql
-- Gives a waiter what it waits for if all of it is free and it is its turn everywhere, else null.
create or replace function core.grant_ticket(p_ticket core.lock_tickets)
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
declare
  v_leases constant public.agent_locks[] := core.grant_leases(
    p_ticket.workspace, core.ticket_resources(p_ticket.ticket_id), p_ticket.agent_name, p_ticket.execution_id,
    p_ticket.ttl_seconds, p_ticket.request_id, p_ticket.ticket_id, true
  );
begin
  if v_leases is not null then
    -- The request is answered now: a late repetition must not queue for the lock once more. Not by
    -- remember_request: if the id was misused for another call meanwhile, a release must not fail by it.
    insert into core.requests (workspace, request_id, function_name, arguments_hash, answer)
    values (
      p_ticket.workspace, p_ticket.request_id, p_ticket.function_name, p_ticket.arguments_hash,
      to_jsonb(v_leases)
    )
    on conflict do nothing;
  end if;
  return v_leases;
end;
$$;

-- sql/30_locks/guard_write.sql
-- Decides, in the transaction of the write, whether this caller may write the subsystem, and keeps
-- that true until commit. Returns the agent to be logged.
-- Lock order: fencing counter (share), then lease (share).
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
  v_lease public.agent_locks;
  v_is_mine boolean;
begin
  perform core.hold_fencing_counter(p_workspace, 'subsystem', p_subsystem);
  select * into v_lease from public.agent_locks as l
  where l.workspace = p_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
    and l.expires_at > clock_timestamp()
  for key share;
  v_is_mine := v_lease.locked_by = coalesce(core.claimed_agent(), v_lease.locked_by) and case
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
  return coalesce(core.claimed_agent(), v_lease.locked_by, p_execution_id, 'unknown');
end;
$$;

-- sql/30_locks/hand_over.sql
-- Runs after each row that leaves agent_locks, by whatever way: release, check-in, clean-up, an
-- operator's force, DELETE typed in psql. Gives the resource to whoever is first in line, in the same
-- transaction.
--
-- The row of the ended lease is locked by now, and counters come before leases in the lock order: so
-- it never waits for a counter. Where one is taken, its holder decides; and a waiter that was passed
-- over takes its turn itself, within milliseconds, because the first in line keeps looking.
create or replace function core.hand_over()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_resource core.resource := row(old.resource_type, old.resource_name);
  v_ticket_id constant bigint := core.first_in_line(old.workspace, v_resource);
  v_ticket core.lock_tickets;
begin
  if v_ticket_id is null then
    return null;
  end if;
  foreach v_resource in array core.ticket_resources(v_ticket_id) loop
    perform from core.fencing_counters as c
    where c.workspace = old.workspace
      and c.resource_type = v_resource.resource_type and c.resource_name = v_resource.resource_name
    for update skip locked;
    if not found then
      return null;
    end if;
  end loop;
  select * into v_ticket from core.lock_tickets as t where t.ticket_id = v_ticket_id;
  if found then
    perform core.grant_ticket(v_ticket);
  end if;
  return null;
end;
$$;

create trigger agent_locks_hand_over
after delete on public.agent_locks
for each row execute function core.hand_over();

-- sql/30_locks/hold_fencing_counter.sql
-- A writer's share of the counter: as long as it is held no grant of the resource can happen, so
-- what the writer finds out about the lease stays true until it commits.
create or replace function core.hold_fencing_counter(
  p_workspace text,
  p_resource_type text,
  p_resource_name text
)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
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

-- sql/30_locks/is_held.sql
create or replace function core.is_held(p_workspace text, p_resource core.resource)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return exists (
    select from public.agent_locks as l
    where l.workspace = p_workspace
      and l.resource_type = p_resource.resource_type and l.resource_name = p_resource.resource_name
      and l.expires_at > clock_timestamp()
  );
end;
$$;

-- sql/30_locks/is_live_ticket.sql
-- A waiter is heard of every second or two. One that was silent for 5 s, or whose time is up, is
-- passed over; if it comes back in time, its place is still there.
create or replace function core.is_live_ticket(p_ticket core.lock_tickets)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return p_ticket.seen_at > clock_timestamp() - interval '5 seconds'
    and p_ticket.gives_up_at > clock_timestamp()
    and p_ticket.refused is null;
end;
$$;

-- sql/30_locks/keep_waiting.sql
-- Ends a look at the queue: shows that the waiter is alive, looks for a deadlock, and says when to ask
-- again: the sooner, the nearer its turn is. The first two in line get here when no parking slot was
-- free: there are many locks, and all of their waiters together must leave the servers room to work.
create or replace function core.keep_waiting(p_ticket core.lock_tickets, p_position integer)
returns public.lock_wait
language plpgsql
set search_path = ''
as $$
begin
  if p_ticket.seen_at < clock_timestamp() - interval '1 second' then
    -- Losing this on a crash of the server loses nothing but a place that is seen to be live anew.
    perform set_config('synchronous_commit', 'off', true);
    update core.lock_tickets as t set seen_at = clock_timestamp() where t.ticket_id = p_ticket.ticket_id;
  end if;
  perform core.refuse_deadlock(p_ticket, false);
  return row(
    'waiting',
    '{}'::public.agent_locks[],
    p_position,
    case when p_position <= 2 then p_position * 20 else least(500, (p_position - 1) * 20) end,
    array(select b.agent_name from core.blockers(p_ticket) as b where b.ticket_id is null order by 1)
  )::public.lock_wait;
end;
$$;

-- sql/30_locks/leases_of_request.sql
create or replace function core.leases_of_request(p_workspace text, p_request_id uuid)
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
begin
  return array(
    select l from public.agent_locks as l
    where l.workspace = p_workspace and l.request_id = p_request_id and l.expires_at > clock_timestamp()
    order by l.resource_type, l.resource_name
  );
end;
$$;

-- sql/30_locks/lock_fencing_counter.sql
-- Puts the caller in line for grants of one resource, until commit; returns the last token given.
create or replace function core.lock_fencing_counter(
  p_workspace text,
  p_resource_type text,
  p_resource_name text
)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_token bigint;
begin
  select c.last_token into v_token from core.fencing_counters as c
  where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
  for update;
  if not found then
    insert into core.fencing_counters (workspace, resource_type, resource_name)
    values (p_workspace, p_resource_type, p_resource_name)
    on conflict do nothing;
    select c.last_token into v_token from core.fencing_counters as c
    where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
    for update;
  end if;
  return v_token;
end;
$$;

-- sql/30_locks/lock_for_grant.sql
-- Takes what a grant needs of one resource: its fencing counter, then its lease row, both `for update`.
-- The counter, because two grants must never run side by side; the lease, because a writer that was
-- just checked holds it `for key share` until it commits, and only `for update` waits for that.
-- False if the resource is held, or if it is somebody else's turn (p_ticket_id null: a newcomer's).
create or replace function core.lock_for_grant(p_workspace text, p_resource core.resource, p_ticket_id bigint)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_expires_at timestamptz;
begin
  perform core.lock_fencing_counter(p_workspace, p_resource.resource_type, p_resource.resource_name);
  select l.expires_at into v_expires_at from public.agent_locks as l
  where l.workspace = p_workspace
    and l.resource_type = p_resource.resource_type and l.resource_name = p_resource.resource_name
  for update;
  if v_expires_at > clock_timestamp() then
    return false;
  end if;
  return core.first_in_line(p_workspace, p_resource) is not distinct from p_ticket_id;
end;
$$;

-- sql/30_locks/refuse_deadlock.sql
-- Ends a cycle that this ticket is on. When a wait begins, it is the new one that loses, at once; the
-- error undoes all that its call did, so it is told to the caller and not to the log. A cycle that came
-- about later (two waits began together, a lease changed hands) loses its youngest wait, which is told
-- so at its next call; to raise here would undo the mark.
create or replace function core.refuse_deadlock(p_ticket core.lock_tickets, p_is_new boolean)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_cycle jsonb;
  v_loser core.lock_tickets;
begin
  -- Every cycle has a member that holds something, so it does if those look; most waiters hold nothing.
  if not exists (
    select from public.agent_locks as l
    where l.workspace = p_ticket.workspace and l.execution_id = p_ticket.execution_id
      and l.expires_at > clock_timestamp()
  ) then
    return false;
  end if;
  v_cycle := core.find_cycle(p_ticket);
  if v_cycle is null then
    return false;
  end if;
  if p_is_new then
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
    return next jsonb_populate_record(null::public.agent_locks, v_request.answer);
    return;
  end if;
  delete from public.agent_locks as l
  where l.workspace = v_workspace and l.resource_type = p_resource_type and l.resource_name = p_resource_name
    and l.execution_id = p_execution_id
    and l.fencing_token = coalesce(p_fencing_token, l.fencing_token)
    and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)
  returning l.* into v_lease;
  if not found then
    return;
  end if;
  -- A lease that had lapsed protected nothing any more; to say "released" would hide that.
  if v_lease.expires_at <= clock_timestamp() then
    perform core.write_lock_lost(v_lease, 'expired before its release');
    return;
  end if;
  perform core.remember_request(v_request, to_jsonb(v_lease));
  return next v_lease;
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

-- sql/30_locks/require_resources.sql
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

-- sql/30_locks/require_wait.sql
create or replace function core.require_wait(p_wait_seconds numeric, p_request_id uuid)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_wait_seconds is null or not p_wait_seconds between 0 and 86400 then
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
  return true;
end;
$$;

-- sql/30_locks/take_leases.sql
-- What acquire_lock and acquire_locks do when they know which resources are meant: all or none. Where
-- they are not free: with a wait the request is put in line, and the same call again, or wait_for_lock,
-- asks how it stands.
create or replace function core.take_leases(
  p_resources core.resource[],
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_wait_seconds numeric,
  p_priority integer,
  p_request_id uuid
)
returns setof public.agent_locks
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
    core.require_wait(p_wait_seconds, p_request_id),
    core.require_whole_number('priority', to_jsonb(p_priority), 1, 4);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'acquire_locks',
    jsonb_build_array(p_resources, p_agent_name, p_execution_id, p_ttl_seconds)
  );
  if v_request.is_replay then
    -- The leases that were given then, as they are now: to show one that has ended would be a lie.
    v_leases := core.leases_of_request(v_workspace, p_request_id);
    if cardinality(v_leases) = cardinality(p_resources) then
      return query select * from unnest(v_leases);
    end if;
    return;
  end if;
  if p_request_id is not null then
    select * into v_ticket from core.lock_tickets as t
    where t.workspace = v_workspace and t.request_id = p_request_id;
    if found then
      if v_ticket.arguments_hash <> v_request.arguments_hash then
        perform core.fail_request_id_reused(p_request_id, v_ticket.function_name);
      end if;
      return query select * from unnest((core.await_ticket(v_workspace, p_request_id, 0)).leases);
      return;
    end if;
  end if;
  v_leases := core.grant_leases(
    v_workspace, p_resources, p_agent_name, p_execution_id, p_ttl_seconds, p_request_id, null, p_wait_seconds > 0
  );
  if v_leases is not null then
    perform core.remember_request(v_request, to_jsonb(v_leases));
    return query select * from unnest(v_leases);
  elsif p_wait_seconds > 0 then
    perform core.enqueue(
      v_request, p_resources, p_agent_name, p_execution_id, p_ttl_seconds, p_wait_seconds, p_priority
    );
  end if;
  -- A refusal is not remembered: it changed nothing, and polling would write a row each time.
end;
$$;

-- sql/30_locks/take_parking_slot.sql
-- Some calls at most are parked at any time, in the whole database, until their transaction ends: the
-- others of PostgREST's connections stay free, or a holder could not get in to release. Six, unless the
-- database has a setting of its own for a larger pool. A third of the slots at most is for those who are
-- second in line: with many locks, they are for those whose turn is next.
create or replace function core.take_parking_slot(p_position integer)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_slots constant integer := coalesce(nullif(current_setting('sharedstate.parking_slots', true), '')::integer, 6);
begin
  for v_slot in 1..case when p_position = 1 then v_slots else v_slots / 3 end loop
    if pg_try_advisory_xact_lock(1936220787, v_slot) then
      return true;
    end if;
  end loop;
  return false;
end;
$$;

-- sql/30_locks/ticket_position.sql
-- 1 for the next in line; for several resources the worst of its places. Counts no further than 100.
create or replace function core.ticket_position(p_ticket core.lock_tickets)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_position integer;
begin
  select 1 + max(ahead.tickets) into v_position
  from core.lock_ticket_resources as r
  cross join lateral (
    select count(*)::integer as tickets
    from (
      select from core.lock_ticket_resources as a
      inner join core.lock_tickets as t on a.ticket_id = t.ticket_id
      where a.workspace = r.workspace and a.resource_type = r.resource_type and a.resource_name = r.resource_name
        and (a.queue_key, a.ticket_id) < (r.queue_key, r.ticket_id)
        and core.is_live_ticket(t)
      limit 100
    ) as t
  ) as ahead
  where r.ticket_id = p_ticket.ticket_id;
  return v_position;
end;
$$;

-- sql/30_locks/ticket_resources.sql
-- What a ticket waits for, in the order in which it is locked.
create or replace function core.ticket_resources(p_ticket_id bigint)
returns core.resource[]
language plpgsql
set search_path = ''
as $$
begin
  return array(
    select row(r.resource_type, r.resource_name)::core.resource
    from core.lock_ticket_resources as r
    where r.ticket_id = p_ticket_id
    order by r.resource_type, r.resource_name
  );
end;
$$;

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
  return core.await_ticket(v_workspace, p_request_id, 500);
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
'Asks how a request that waits for locks stands; it may take up to 0.5 s to answer when its turn is near.

state granted: the leases are yours for a few seconds, confirm each by renew_lock to keep it; waiting: ask again after
retry_ms, at the latest after 2 s, or lose your turn; gone: no such request waits any more. deadlock if this wait was
chosen to end one.';

-- sql/30_locks/waits_for.sql
-- One edge of a cycle, as it is told to the agent that is refused.
create or replace function core.waits_for(p_ticket core.lock_tickets, p_resource core.resource)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'agent_name', p_ticket.agent_name,
    'execution_id', p_ticket.execution_id,
    'waits_for', to_jsonb(p_resource),
    'ticket_id', p_ticket.ticket_id
  );
end;
$$;

-- sql/30_locks/waits_of.sql
-- What keeps a blocker from going on: itself, if it is a ticket; if it is a holder, the tickets of its
-- execution, but for those that wait for what it holds: that is another of its threads, which waits
-- for the first like everybody else.
create or replace function core.waits_of(p_blocker core.blocker, p_workspace text)
returns setof core.lock_tickets
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select t.* from core.lock_tickets as t
  where t.workspace = p_workspace
    and core.is_live_ticket(t)
    and case
      when p_blocker.ticket_id is not null then t.ticket_id = p_blocker.ticket_id
      else t.execution_id = p_blocker.execution_id and not p_blocker.resource = any(core.ticket_resources(t.ticket_id))
    end;
end;
$$;

-- sql/30_locks/write_lease.sql
-- Writes a lease with the next fencing token; the caller holds the locks and knows that the resource
-- is free. To whoever waits, or was ready to, a lease is given provisionally, for 10 s at most:
-- PostgREST does not notice that a client has gone away, so it is the client that confirms, by renew_lock.
create or replace function core.write_lease(
  p_workspace text,
  p_resource core.resource,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_request_id uuid,
  p_is_provisional boolean
)
returns public.agent_locks
language plpgsql
set search_path = ''
as $$
declare
  v_lapsed public.agent_locks;
  v_lease public.agent_locks;
begin
  select * into v_lapsed from public.agent_locks as l
  where l.workspace = p_workspace
    and l.resource_type = p_resource.resource_type and l.resource_name = p_resource.resource_name;
  if found then
    perform core.write_lock_lost(v_lapsed, 'expired and was taken over');
  end if;
  with counter as (
    update core.fencing_counters as c set last_token = c.last_token + 1
    where c.workspace = p_workspace
      and c.resource_type = p_resource.resource_type and c.resource_name = p_resource.resource_name
    returning c.last_token
  )

  insert into public.agent_locks as l (
    workspace, resource_type, resource_name, locked_by, execution_id, expires_at, ttl_seconds,
    fencing_token, request_id, provisional
  )
  select
    p_workspace, p_resource.resource_type, p_resource.resource_name, p_agent_name, p_execution_id,
    clock_timestamp() + make_interval(
      secs => case when p_is_provisional then least(p_ttl_seconds, 10) else p_ttl_seconds end
    ),
    p_ttl_seconds, counter.last_token, p_request_id, p_is_provisional
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

-- sql/30_locks/write_lock_lost.sql
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

-- sql/40_documents/tables.sql
create table public.subsystem_requirements (
  workspace text not null,
  subsystem_name text not null,
  version integer not null check (version >= 1),
  requirements jsonb not null check (jsonb_typeof(requirements) = 'object'),
  created_by text not null check (core.is_name(created_by)),
  created_at timestamptz not null default clock_timestamp(),
  primary key (workspace, subsystem_name, version),
  foreign key (workspace, subsystem_name) references public.subsystems (workspace, name)
);

comment on table public.subsystem_requirements is
'What a subsystem is asked for, one row a version. Written by update_subsystem_requirements.';
comment on column public.subsystem_requirements.workspace is 'The design that this row belongs to.';
comment on column public.subsystem_requirements.version is '1, 2, 3, ... without gaps; earlier versions stay.';
comment on column public.subsystem_requirements.requirements is 'The document: a JSON object.';
comment on column public.subsystem_requirements.created_by is 'The agent that wrote this version.';

alter table public.subsystem_requirements enable row level security;
create policy subsystem_requirements_of_own_workspace on public.subsystem_requirements
for select to authenticated, service_role
using (workspace = (select core.current_workspace()));

create table public.subsystem_interfaces (
  workspace text not null,
  subsystem_name text not null,
  version integer not null check (version >= 1),
  interfaces jsonb not null check (jsonb_typeof(interfaces) = 'object'),
  created_by text not null check (core.is_name(created_by)),
  created_at timestamptz not null default clock_timestamp(),
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

alter table public.subsystem_interfaces enable row level security;
create policy subsystem_interfaces_of_own_workspace on public.subsystem_interfaces
for select to authenticated, service_role
using (workspace = (select core.current_workspace()));

create table public.subsystem_designs (
  workspace text not null,
  subsystem_name text not null,
  version integer not null check (version >= 1),
  design_data jsonb not null check (jsonb_typeof(design_data) = 'object'),
  created_by text not null check (core.is_name(created_by)),
  created_at timestamptz not null default clock_timestamp(),
  primary key (workspace, subsystem_name, version),
  foreign key (workspace, subsystem_name) references public.subsystems (workspace, name)
);

comment on table public.subsystem_designs is
'The design of a subsystem, one row a version. Written by update_subsystem_design and checkin_subsystem.';
comment on column public.subsystem_designs.workspace is 'The design that this row belongs to.';
comment on column public.subsystem_designs.version is '1, 2, 3, ... without gaps; earlier versions stay.';
comment on column public.subsystem_designs.design_data is 'The document: a JSON object.';
comment on column public.subsystem_designs.created_by is 'The agent that wrote this version.';

alter table public.subsystem_designs enable row level security;
create policy subsystem_designs_of_own_workspace on public.subsystem_designs
for select to authenticated, service_role
using (workspace = (select core.current_workspace()));

-- sql/40_documents/require_base_version.sql
-- Compare-and-set for versioned documents; the caller holds the lock under which numbers are given.
create or replace function core.require_base_version(p_document text, p_base_version integer, p_latest integer)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_base_version <> p_latest then
    perform core.fail(
      'stale_version',
      jsonb_build_object('document', p_document, 'expected', p_base_version, 'actual', p_latest),
      'Read the latest version, redo the change on it and write that with its number as base_version.'
    );
  end if;
  return true;
end;
$$;

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
  v_row := core.write_design(v_workspace, p_subsystem, p_design_data, p_created_by, p_base_version);
  perform core.write_activity(
    v_workspace, p_created_by, 'design_updated',
    jsonb_build_object('subsystem', p_subsystem, 'version', v_row.version),
    p_execution_id
  );
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

With base_version (0: there is none yet) stale_version if somebody published since. resource_locked while another
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
  v_row := core.write_interfaces(v_workspace, p_subsystem, p_interfaces, p_created_by, p_base_version);
  perform core.write_activity(
    v_workspace, p_created_by, 'interfaces_updated',
    jsonb_build_object('subsystem', p_subsystem, 'version', v_row.version),
    p_execution_id
  );
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

With base_version (0: there is none yet) stale_version if somebody published since. resource_locked while another
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
  -- Requirements come from outside, so a foreign lease does not stop them. A token is still checked.
  if p_fencing_token is not null then
    perform core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token);
  end if;
  v_row := core.write_requirements(v_workspace, p_subsystem, p_requirements, p_created_by, p_base_version);
  perform core.write_activity(
    v_workspace, p_created_by, 'requirements_updated',
    jsonb_build_object('subsystem', p_subsystem, 'version', v_row.version),
    p_execution_id
  );
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

With base_version (0: there is none yet) stale_version if somebody published since. A lease held by somebody else does
not stop it, because requirements come from outside the subsystem; a fencing_token, if sent, must be alive
(lease_lost).';

-- sql/40_documents/write_design.sql
-- Appends the next version; the caller has checked who may. The lock on the subsystem's row makes
-- concurrent writers take their numbers one after the other.
create or replace function core.write_design(
  p_workspace text,
  p_subsystem text,
  p_design_data jsonb,
  p_created_by text,
  p_base_version integer
)
returns public.subsystem_designs
language plpgsql
set search_path = ''
as $$
declare
  v_latest integer;
  v_row public.subsystem_designs;
begin
  perform core.lock_subsystem(p_workspace, p_subsystem);
  select coalesce(max(d.version), 0) into v_latest from public.subsystem_designs as d
  where d.workspace = p_workspace and d.subsystem_name = p_subsystem;
  perform core.require_base_version('design of ' || p_subsystem, p_base_version, v_latest);
  insert into public.subsystem_designs as d (workspace, subsystem_name, version, design_data, created_by)
  values (p_workspace, p_subsystem, v_latest + 1, p_design_data, p_created_by)
  returning d.* into v_row;
  return v_row;
end;
$$;

-- sql/40_documents/write_interfaces.sql
-- Appends the next version; the caller has checked who may. The lock on the subsystem's row makes
-- concurrent writers take their numbers one after the other.
create or replace function core.write_interfaces(
  p_workspace text,
  p_subsystem text,
  p_interfaces jsonb,
  p_created_by text,
  p_base_version integer
)
returns public.subsystem_interfaces
language plpgsql
set search_path = ''
as $$
declare
  v_latest integer;
  v_row public.subsystem_interfaces;
begin
  perform core.lock_subsystem(p_workspace, p_subsystem);
  select coalesce(max(d.version), 0) into v_latest from public.subsystem_interfaces as d
  where d.workspace = p_workspace and d.subsystem_name = p_subsystem;
  perform core.require_base_version('interfaces of ' || p_subsystem, p_base_version, v_latest);
  insert into public.subsystem_interfaces as d (workspace, subsystem_name, version, interfaces, created_by)
  values (p_workspace, p_subsystem, v_latest + 1, p_interfaces, p_created_by)
  returning d.* into v_row;
  return v_row;
end;
$$;

-- sql/40_documents/write_requirements.sql
-- Appends the next version; the caller has checked who may. The lock on the subsystem's row makes
-- concurrent writers take their numbers one after the other.
create or replace function core.write_requirements(
  p_workspace text,
  p_subsystem text,
  p_requirements jsonb,
  p_created_by text,
  p_base_version integer
)
returns public.subsystem_requirements
language plpgsql
set search_path = ''
as $$
declare
  v_latest integer;
  v_row public.subsystem_requirements;
begin
  perform core.lock_subsystem(p_workspace, p_subsystem);
  select coalesce(max(d.version), 0) into v_latest from public.subsystem_requirements as d
  where d.workspace = p_workspace and d.subsystem_name = p_subsystem;
  perform core.require_base_version('requirements of ' || p_subsystem, p_base_version, v_latest);
  insert into public.subsystem_requirements as d (workspace, subsystem_name, version, requirements, created_by)
  values (p_workspace, p_subsystem, v_latest + 1, p_requirements, p_created_by)
  returning d.* into v_row;
  return v_row;
end;
$$;

-- sql/50_budgets/tables.sql
create table public.global_constraints (
  workspace text not null references core.workspaces (name),
  version integer not null check (version >= 1),
  total_mass_kg_max numeric check (total_mass_kg_max is null or core.is_amount(total_mass_kg_max)),
  total_cost_usd_max numeric check (total_cost_usd_max is null or core.is_amount(total_cost_usd_max)),
  height_m numeric check (height_m is null or core.is_amount(height_m)),
  voltage_v numeric check (voltage_v is null or core.is_amount(voltage_v)),
  budget_allocations jsonb not null default '{}' check (jsonb_typeof(budget_allocations) = 'object'),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
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

alter table public.global_constraints enable row level security;
create policy global_constraints_of_own_workspace on public.global_constraints
for select to authenticated, service_role
using (workspace = (select core.current_workspace()));

-- sql/50_budgets/lock_constraints.sql
-- Locks the workspace's row, under which constraint versions are given, and returns the version in
-- force, or version 0 with nothing in it.
create or replace function core.lock_constraints(p_workspace text)
returns public.global_constraints
language plpgsql
set search_path = ''
as $$
declare
  v_row public.global_constraints;
begin
  perform from core.workspaces as w where w.name = p_workspace for no key update;
  select * into v_row from public.global_constraints as g
  where g.workspace = p_workspace
  order by g.version desc
  limit 1;
  if not found then
    v_row.version := 0;
    v_row.budget_allocations := '{}';
    v_row.metadata := '{}';
  end if;
  return v_row;
end;
$$;

-- sql/50_budgets/require_constraints.sql
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
  perform core.require_object(p_argument, p_constraints);
  foreach v_key in array array['total_mass_kg_max', 'total_cost_usd_max', 'height_m', 'voltage_v'] loop
    if jsonb_typeof(p_constraints -> v_key) <> 'null' then
      perform core.require_amount(p_argument || '.' || v_key, p_constraints -> v_key);
    end if;
  end loop;
  if p_constraints ? 'metadata' then
    perform core.require_object(p_argument || '.metadata', p_constraints -> 'metadata');
  end if;
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

-- sql/50_budgets/update_global_constraints.sql
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
  v_columns constant text[] := array[
    'total_mass_kg_max', 'total_cost_usd_max', 'height_m', 'voltage_v', 'budget_allocations'
  ];
  v_owned constant text[] := array['workspace', 'version', 'metadata', 'created_by', 'created_at'];
  v_request core.request;
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
  v_row := core.lock_constraints(v_workspace);
  perform core.require_base_version('global constraints', p_base_version, v_row.version);
  v_row := jsonb_populate_record(v_row, (
    select coalesce(jsonb_object_agg(e.key, e.value), '{}')
    from jsonb_each(p_constraints) as e
    where e.key = any(v_columns)
  ));
  insert into public.global_constraints as g (
    workspace, version, total_mass_kg_max, total_cost_usd_max, height_m, voltage_v, budget_allocations,
    metadata, created_by
  ) values (
    v_workspace, v_row.version + 1, v_row.total_mass_kg_max, v_row.total_cost_usd_max, v_row.height_m,
    v_row.voltage_v, v_row.budget_allocations,
    core.merge_patch(
      core.merge_patch(v_row.metadata, coalesce(p_constraints -> 'metadata', '{}')),
      p_constraints - v_columns - v_owned
    ),
    p_created_by
  )
  returning g.* into v_row;
  perform core.write_activity(
    v_workspace, p_created_by, 'constraints_updated', jsonb_build_object('version', v_row.version), p_execution_id
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
them). With base_version (0: there is none yet) stale_version if somebody published since.';

-- sql/60_conflicts/tables.sql
create table public.conflicts (
  workspace text not null,
  conflict_id bigint not null check (conflict_id >= 1),
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  priority integer not null default 3 check (priority between 1 and 4),
  source_agent text not null check (core.is_name(source_agent)),
  target_agent text not null check (core.is_name(target_agent)),
  description text not null,
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  blocks_agents text[] not null default '{}',
  status text not null default 'open' check (status in ('open', 'resolved')),
  resolution text,
  created_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  resolved_by text check (core.is_name(resolved_by) or resolved_by is null),
  execution_id text,
  primary key (workspace, conflict_id),
  check ((status = 'resolved') = (resolution is not null and resolved_at is not null))
);

comment on table public.conflicts is 'Conflicts between agents. Written by log_conflict and resolve_conflict.';
comment on column public.conflicts.workspace is 'The design that this row belongs to.';
comment on column public.conflicts.conflict_id is '1, 2, 3, ... in each workspace, without gaps.';
comment on column public.conflicts.severity is 'low, medium, high or critical.';
comment on column public.conflicts.priority is '1 (first) to 4 (last).';
comment on column public.conflicts.source_agent is 'The agent that reported it.';
comment on column public.conflicts.target_agent is 'The agent that should resolve it.';
comment on column public.conflicts.blocks_agents is 'Agents that should not go on before it is resolved.';
comment on column public.conflicts.status is 'open or resolved.';

create index conflicts_open_idx on public.conflicts (workspace, priority, conflict_id) where status = 'open';

alter table public.conflicts enable row level security;
create policy conflicts_of_own_workspace on public.conflicts
for select to authenticated, service_role
using (workspace = (select core.current_workspace()));

-- sql/60_conflicts/concerns_subsystem.sql
-- Whether a conflict has an agent of this subsystem as source, target or blocked.
create or replace function core.concerns_subsystem(p_conflict public.conflicts, p_subsystem text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return exists (
    select from unnest(p_conflict.blocks_agents || p_conflict.source_agent || p_conflict.target_agent) as a (name)
    where core.agent_subsystem(a.name) = p_subsystem
  );
end;
$$;

-- sql/60_conflicts/fail_not_open.sql
-- Says why a conflict could not be resolved: there is none of that number, or somebody was first.
create or replace function core.fail_not_open(p_workspace text, p_conflict_id bigint)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_row public.conflicts;
begin
  select * into v_row from public.conflicts as c
  where c.workspace = p_workspace and c.conflict_id = p_conflict_id;
  if not found then
    return core.fail(
      'unknown_conflict',
      jsonb_build_object('conflict_id', p_conflict_id),
      'See get_active_conflicts for the open ones.'
    );
  end if;
  return core.fail(
    'conflict_already_resolved',
    jsonb_build_object(
      'conflict_id', p_conflict_id, 'resolved_by', v_row.resolved_by,
      'resolved_at', v_row.resolved_at, 'resolution', v_row.resolution
    ),
    'Read the resolution in the detail; open a new conflict if it does not settle yours.'
  );
end;
$$;

-- sql/60_conflicts/get_active_conflicts.sql
create or replace function core.get_active_conflicts(p_agent_name text)
returns setof public.conflicts
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
begin
  -- A name that nobody can have would find nothing, and read as "nothing is in your way".
  perform core.require_optional_name('agent_name', p_agent_name);
  return query
  select c.* from public.conflicts as c
  where c.workspace = v_workspace
    and c.status = 'open'
    and (p_agent_name is null or core.concerns_subsystem(c, core.agent_subsystem(p_agent_name)))
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
  perform core.require_severity(p_severity);
  perform core.require_agent('source', p_source);
  perform core.require_name('target', p_target);
  perform core.require_text('description', p_description);
  perform core.require_object('details', p_details);
  perform core.require_whole_number('priority', to_jsonb(p_priority), 1, 4);
  perform core.require_names('blocks', p_blocks);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'log_conflict',
    jsonb_build_array(
      p_severity, p_source, p_target, p_description, p_details, p_priority, p_blocks, p_execution_id
    )
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflicts, v_request.answer);
  end if;
  insert into public.conflicts as c (
    workspace, conflict_id, severity, priority, source_agent, target_agent, description, details,
    blocks_agents, execution_id
  ) values (
    v_workspace, core.next_conflict_id(v_workspace), p_severity, p_priority, p_source, p_target,
    p_description, p_details, coalesce(p_blocks, '{}'), p_execution_id
  )
  returning c.* into v_row;
  perform core.write_activity(
    v_workspace, p_source, 'conflict_created',
    jsonb_build_object('conflict_id', v_row.conflict_id, 'severity', p_severity, 'target', p_target),
    p_execution_id
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
  details jsonb default '{}',
  priority integer default 3,
  blocks text[] default '{}',
  execution_id text default null,
  request_id uuid default null
)
returns public.conflicts
language sql
set search_path = ''
as $$
  select core.log_conflict(
    severity, source, target, description, details, priority, blocks, execution_id, request_id
  );
$$;

comment on function public.log_conflict(text, text, text, text, jsonb, integer, text[], text, uuid) is
'Opens a conflict and returns its row with the number that was given to it.

severity: low, medium, high or critical; priority: 1 (first) to 4 (last); blocks: agents that should wait until it is
resolved.';

-- sql/60_conflicts/next_conflict_id.sql
-- The row lock on the workspace is held until commit: numbers have no gaps and are never given twice.
create or replace function core.next_conflict_id(p_workspace text)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_number bigint;
begin
  update core.workspaces as w set last_conflict_id = w.last_conflict_id + 1
  where w.name = p_workspace
  returning w.last_conflict_id into v_number;
  return v_number;
end;
$$;

-- sql/60_conflicts/require_severity.sql
create or replace function core.require_severity(p_severity text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_severity is null or p_severity not in ('low', 'medium', 'high', 'critical') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'severity', 'reason', 'is unknown', 'value', left(p_severity, 200)),
      'Use low, medium, high or critical.'
    );
  end if;
  return true;
end;
$$;

-- sql/60_conflicts/resolve_conflict.sql
create or replace function core.resolve_conflict(
  p_conflict_id bigint,
  p_resolution text,
  p_resolved_by text,
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
  v_row public.conflicts;
begin
  perform core.require_present('conflict_id', to_jsonb(p_conflict_id));
  perform core.require_text('resolution', p_resolution);
  perform core.require_agent('resolved_by', p_resolved_by);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'resolve_conflict',
    jsonb_build_array(p_conflict_id, p_resolution, p_resolved_by, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.conflicts, v_request.answer);
  end if;
  update public.conflicts as c
  set
    status = 'resolved',
    resolution = p_resolution,
    resolved_by = p_resolved_by,
    resolved_at = clock_timestamp()
  where c.workspace = v_workspace and c.conflict_id = p_conflict_id and c.status = 'open'
  returning c.* into v_row;
  if not found then
    perform core.fail_not_open(v_workspace, p_conflict_id);
  end if;
  perform core.write_activity(
    v_workspace, p_resolved_by, 'conflict_resolved',
    jsonb_build_object('conflict_id', p_conflict_id, 'resolution', p_resolution),
    p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.resolve_conflict(
  conflict_id bigint,
  resolution text,
  resolved_by text,
  execution_id text default null,
  request_id uuid default null
)
returns public.conflicts
language sql
set search_path = ''
as $$
  select core.resolve_conflict(conflict_id, resolution, resolved_by, execution_id, request_id);
$$;

comment on function public.resolve_conflict(bigint, text, text, text, uuid) is
'Resolves an open conflict and returns its row; unknown_conflict or conflict_already_resolved otherwise.';

-- sql/70_activity/tables.sql
create table public.agent_activity_logs (
  id bigint generated always as identity primary key,
  workspace text not null,
  agent_name text not null check (core.is_name(agent_name)),
  activity text not null check (core.is_label(activity)),
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  execution_id text,
  "timestamp" timestamptz not null default clock_timestamp(),
  import_key uuid
);

comment on table public.agent_activity_logs is
'What agents did, and every change of status, documents, budgets and conflicts.';
comment on column public.agent_activity_logs.workspace is 'The design that this row belongs to.';
comment on column public.agent_activity_logs."timestamp" is
'When it happened, by the database''s clock; for imported entries, as the source had it.';
comment on column public.agent_activity_logs.import_key is
'Set on imported entries, so that importing again adds nothing.';

create index agent_activity_logs_recent_idx
on public.agent_activity_logs (workspace, "timestamp" desc, id desc);
create index agent_activity_logs_by_agent_idx
on public.agent_activity_logs (workspace, agent_name, "timestamp" desc, id desc);
create unique index agent_activity_logs_import_key_idx
on public.agent_activity_logs (workspace, import_key) where import_key is not null;

alter table public.agent_activity_logs enable row level security;
create policy agent_activity_logs_of_own_workspace on public.agent_activity_logs
for select to authenticated, service_role
using (workspace = (select core.current_workspace()));

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

-- sql/70_activity/write_activity.sql
-- The log entry of a mutation, in its transaction: either both are there or neither.
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
  conflicts public.conflicts []
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
  p_request_id uuid
)
returns public.subsystem_checkin
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_checkin public.subsystem_checkin;
begin
  perform core.require_checkin(
    p_subsystem, p_agent_name, p_execution_id, p_fencing_token, p_status, p_interfaces, p_design_data,
    p_activity, p_details, p_release
  );
  v_request := core.recall_request(
    v_workspace, p_request_id, 'checkin_subsystem',
    jsonb_build_array(
      p_subsystem, p_agent_name, p_execution_id, p_fencing_token, p_status, p_interfaces, p_design_data,
      p_activity, p_details, p_release
    )
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.subsystem_checkin, v_request.answer);
  end if;
  if p_release then
    -- Taken `for update` from the start: to share the lease first and to delete it later would be a
    -- lock upgrade, and two of those deadlock. The counter comes before, as everywhere.
    perform core.hold_fencing_counter(v_workspace, 'subsystem', p_subsystem);
    perform from public.agent_locks as l
    where l.workspace = v_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
    for update;
  end if;
  perform core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token);
  v_checkin.status := core.write_status(v_workspace, p_subsystem, p_status, p_execution_id);
  if p_interfaces is not null then
    v_checkin.interfaces := core.write_interfaces(v_workspace, p_subsystem, p_interfaces, p_agent_name, null);
  end if;
  if p_design_data is not null then
    v_checkin.design := core.write_design(v_workspace, p_subsystem, p_design_data, p_agent_name, null);
  end if;
  perform core.write_activity(
    v_workspace, p_agent_name, coalesce(p_activity, 'checked_in'),
    jsonb_strip_nulls(jsonb_build_object(
      'subsystem', p_subsystem, 'state', (v_checkin.status).state, 'version', (v_checkin.status).version,
      'interfaces_version', (v_checkin.interfaces).version, 'design_version', (v_checkin.design).version
    )) || p_details,
    p_execution_id
  );
  if p_release then
    delete from public.agent_locks as l
    where l.workspace = v_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
      and l.fencing_token = p_fencing_token;
  end if;
  v_checkin.released := p_release;
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
  request_id uuid default null
)
returns public.subsystem_checkin
language sql
set search_path = ''
as $$
  select core.checkin_subsystem(
    subsystem, agent_name, execution_id, fencing_token, status, interfaces, design_data, activity, details,
    release, request_id
  );
$$;

comment on function public.checkin_subsystem(
  text, text, text, bigint, jsonb, jsonb, jsonb, text, jsonb, boolean, uuid
) is
'Writes status, interfaces and design of a checked-out subsystem, logs it and releases the lease: all or nothing, in
one round trip.

lease_lost, and nothing changes, unless the lease with fencing_token is still alive. release=false keeps the lease.';

-- sql/80_operations/checkout_subsystem.sql
create or replace function core.checkout_subsystem(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_reads text[],
  p_request_id uuid
)
returns setof public.subsystem_checkout
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_lease public.agent_locks;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_names('reads', p_reads);
  -- The lease is the only thing that changes, so its request id does for the whole; a repetition
  -- gets the same lease with what can be read now.
  select * into v_lease from core.acquire_lock(
    'subsystem', p_subsystem, p_agent_name, p_execution_id, p_ttl_seconds, 0, 3, p_request_id
  );
  if found then
    return query select
      v_lease,
      (select s from public.subsystems as s where s.workspace = v_workspace and s.name = p_subsystem),
      (
        select d from public.subsystem_requirements as d
        where d.workspace = v_workspace and d.subsystem_name = p_subsystem
        order by d.version desc limit 1
      ),
      (
        select d from public.subsystem_interfaces as d
        where d.workspace = v_workspace and d.subsystem_name = p_subsystem
        order by d.version desc limit 1
      ),
      (
        select d from public.subsystem_designs as d
        where d.workspace = v_workspace and d.subsystem_name = p_subsystem
        order by d.version desc limit 1
      ),
      (
        select g from public.global_constraints as g
        where g.workspace = v_workspace
        order by g.version desc limit 1
      ),
      core.latest_interfaces(v_workspace, p_reads),
      array(select c from core.get_active_conflicts(p_agent_name) as c);
  end if;
end;
$$;

create or replace function public.checkout_subsystem(
  subsystem text,
  agent_name text,
  execution_id text,
  ttl_seconds integer default 300,
  reads text[] default '{}',
  request_id uuid default null
)
returns setof public.subsystem_checkout
language sql
rows 1
set search_path = ''
as $$
  select * from core.checkout_subsystem(subsystem, agent_name, execution_id, ttl_seconds, reads, request_id);
$$;

comment on function public.checkout_subsystem(text, text, text, integer, text[], uuid) is
'Takes the lease of a subsystem and reads all that its agent needs, in one round trip; nothing (an empty list) if
somebody holds it.

reads: other subsystems whose latest interfaces come along as `inputs`. conflicts: the open ones that concern this
agent.';

-- sql/80_operations/export_state.sql
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
    'conflicts', (
      select coalesce(jsonb_agg(to_jsonb(c) - 'workspace' order by c.conflict_id), '[]')
      from public.conflicts as c where c.workspace = v_workspace
    ),
    'agent_activity_logs', (
      -- An entry that was not imported gets a key made of where it comes from, the same each time.
      select coalesce(jsonb_agg(
        to_jsonb(a) - array['workspace', 'id'] || jsonb_build_object(
          'import_key', coalesce(a.import_key, md5(v_workspace || '/' || a.id)::uuid)
        ) order by a."timestamp", a.id
      ), '[]')
      from public.agent_activity_logs as a where a.workspace = v_workspace
    ),
    'counters', jsonb_build_object(
      'last_conflict_id', (select w.last_conflict_id from core.workspaces as w where w.name = v_workspace),
      'fencing', (
        select coalesce(jsonb_agg(
          to_jsonb(f) - 'workspace' order by f.resource_type, f.resource_name
        ), '[]')
        from core.fencing_counters as f where f.workspace = v_workspace and f.last_token > 0
      )
    )
  );
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
create or replace function core.health()
returns public.health_report
language plpgsql
stable
set search_path = ''
as $$
begin
  return row('ok', core.schema_version(), clock_timestamp())::public.health_report;
end;
$$;

create or replace function public.health()
returns public.health_report
language sql
stable
set search_path = ''
as $$
  select core.health();
$$;

comment on function public.health() is
'Answers if gateway, PostgREST and Postgres work together. The only function that needs no key.';

-- sql/80_operations/import_activity.sql
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

-- sql/80_operations/import_conflicts.sql
-- Under the lock on the workspace's row, so that no conflict is numbered meanwhile.
create or replace function core.import_conflicts(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('conflicts', 0, 0, 0);
  v_entry public.conflicts;
  v_known public.conflicts;
begin
  perform from core.workspaces as w where w.name = p_workspace for no key update;
  perform core.require_whole_number('document.conflicts.conflict_id', e.value -> 'conflict_id', 1, 1::bigint << 53)
  from jsonb_array_elements(p_entries) as e;
  for v_entry in
    select * from jsonb_populate_recordset(null::public.conflicts, p_entries) as e
    order by e.conflict_id
  loop
    v_entry.workspace := p_workspace;
    v_entry.priority := coalesce(v_entry.priority, 3);
    v_entry.details := coalesce(v_entry.details, '{}');
    v_entry.blocks_agents := coalesce(v_entry.blocks_agents, '{}');
    v_entry.status := coalesce(v_entry.status, 'open');
    v_entry.created_at := coalesce(v_entry.created_at, clock_timestamp());
    select * into v_known from public.conflicts as c
    where c.workspace = p_workspace and c.conflict_id = v_entry.conflict_id;
    if not found then
      insert into public.conflicts select v_entry.*;
      update core.workspaces as w set last_conflict_id = greatest(w.last_conflict_id, v_entry.conflict_id)
      where w.name = p_workspace;
      v_counts.imported := v_counts.imported + 1;
    elsif core.same_conflict(v_known, v_entry) then
      v_counts.unchanged := v_counts.unchanged + 1;
    else
      v_counts.refused := v_counts.refused + 1;
    end if;
  end loop;
  return v_counts;
end;
$$;

-- sql/80_operations/import_constraints.sql
create or replace function core.import_constraints(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('global_constraints', 0, 0, 0);
  v_entry public.global_constraints;
  v_latest public.global_constraints := core.lock_constraints(p_workspace);
  v_known public.global_constraints;
begin
  perform core.require_constraints('document.global_constraints', e.value) from jsonb_array_elements(p_entries) as e;
  for v_entry in
    select * from jsonb_populate_recordset(null::public.global_constraints, p_entries) as e
    order by e.version
  loop
    select * into v_known from public.global_constraints as g
    where g.workspace = p_workspace and g.version = coalesce(v_entry.version, g.version)
      and (v_entry.version is not null or core.same_constraints(g, v_entry))
    limit 1;
    if core.same_constraints(v_known, v_entry) then
      v_counts.unchanged := v_counts.unchanged + 1;
      continue;
    end if;
    if v_latest.version = 1 and v_latest.created_by = 'init' and coalesce(v_entry.version, 1) = 1 then
      delete from public.global_constraints as g where g.workspace = p_workspace and g.version = 1;
      v_latest.version := 0;
    elsif v_entry.version <> v_latest.version + 1 then
      v_counts.refused := v_counts.refused + 1;
      continue;
    end if;
    insert into public.global_constraints as g (
      workspace, version, total_mass_kg_max, total_cost_usd_max, height_m, voltage_v, budget_allocations,
      metadata, created_by, created_at
    ) values (
      p_workspace, v_latest.version + 1, v_entry.total_mass_kg_max, v_entry.total_cost_usd_max,
      v_entry.height_m, v_entry.voltage_v, coalesce(v_entry.budget_allocations, '{}'),
      coalesce(v_entry.metadata, '{}'), coalesce(v_entry.created_by, 'import'),
      coalesce(v_entry.created_at, clock_timestamp())
    )
    returning g.* into v_latest;
    v_counts.imported := v_counts.imported + 1;
  end loop;
  return v_counts;
end;
$$;

-- sql/80_operations/import_counters.sql
-- Numbers and tokens that were handed out are never handed out again: counters only grow.
create or replace function core.import_counters(p_workspace text, p_counters jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('counters', 0, 0, 0);
  v_total integer;
begin
  perform core.require_counters(p_counters);
  update core.workspaces as w set last_conflict_id = (p_counters ->> 'last_conflict_id')::bigint
  where w.name = p_workspace and w.last_conflict_id < (p_counters ->> 'last_conflict_id')::bigint;
  get diagnostics v_counts.imported = row_count;
  insert into core.fencing_counters as f (workspace, resource_type, resource_name, last_token)
  select p_workspace, e.resource_type, e.resource_name, e.last_token
  from jsonb_populate_recordset(null::core.fencing_counters, p_counters -> 'fencing') as e
  order by e.resource_type, e.resource_name
  on conflict (workspace, resource_type, resource_name)
  do update set last_token = excluded.last_token where f.last_token < excluded.last_token;
  get diagnostics v_total = row_count;
  v_counts.imported := v_counts.imported + v_total;
  v_total := coalesce(jsonb_array_length(p_counters -> 'fencing'), 0) + (p_counters ? 'last_conflict_id')::integer;
  v_counts.unchanged := coalesce(v_total, 0) - v_counts.imported;
  return v_counts;
end;
$$;

-- sql/80_operations/import_documents.sql
-- The three document tables differ in the name of one column alone, so one function serves them; the
-- table's name comes from import_state, never from a caller.
create or replace function core.import_documents(p_workspace text, p_table text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_column constant text := case p_table
    when 'subsystem_requirements' then 'requirements'
    when 'subsystem_interfaces' then 'interfaces'
    when 'subsystem_designs' then 'design_data'
  end;
  v_counts public.import_counts := row(p_table, 0, 0, 0);
  v_entry jsonb;
  v_latest integer;
  v_known integer[];
begin
  for v_entry in
    select e.value from jsonb_array_elements(p_entries) with ordinality as e (value, place)
    order by e.value ->> 'subsystem_name', (e.value ->> 'version')::integer, e.place
  loop
    perform core.require_name('document.' || p_table || '.subsystem_name', v_entry ->> 'subsystem_name');
    perform core.lock_subsystem(p_workspace, v_entry ->> 'subsystem_name');
    execute format(
      'select coalesce(max(version), 0), array_agg(version) filter (where %I = $3) from public.%I
       where workspace = $1 and subsystem_name = $2', v_column, p_table
    ) into v_latest, v_known using p_workspace, v_entry ->> 'subsystem_name', v_entry -> v_column;
    if coalesce((v_entry ->> 'version')::integer, v_known[1]) = any(v_known) then
      v_counts.unchanged := v_counts.unchanged + 1;
    elsif (v_entry ->> 'version')::integer <> v_latest + 1 then
      v_counts.refused := v_counts.refused + 1;
    else
      execute format(
        'insert into public.%I (workspace, subsystem_name, version, %I, created_by, created_at)
         values ($1, $2, $3, $4, $5, $6)', p_table, v_column
      ) using p_workspace, v_entry ->> 'subsystem_name', v_latest + 1, v_entry -> v_column,
        coalesce(v_entry ->> 'created_by', 'import'),
        coalesce((v_entry ->> 'created_at')::timestamptz, clock_timestamp());
      v_counts.imported := v_counts.imported + 1;
    end if;
  end loop;
  return v_counts;
end;
$$;

-- sql/80_operations/import_state.sql
create or replace function core.import_state(p_document jsonb, p_request_id uuid)
returns setof public.import_counts
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_counts public.import_counts[];
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
      core.import_counters(v_workspace, p_document -> 'counters'),
      core.import_subsystems(v_workspace, p_document -> 'subsystems'),
      core.import_documents(v_workspace, 'subsystem_requirements', p_document -> 'subsystem_requirements'),
      core.import_documents(v_workspace, 'subsystem_interfaces', p_document -> 'subsystem_interfaces'),
      core.import_documents(v_workspace, 'subsystem_designs', p_document -> 'subsystem_designs'),
      core.import_conflicts(v_workspace, p_document -> 'conflicts'),
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

-- sql/80_operations/import_subsystems.sql
create or replace function core.import_subsystems(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('subsystems', 0, 0, 0);
  v_entry public.subsystems;
  v_known public.subsystems;
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
    insert into public.subsystems select v_entry.* on conflict do nothing;
    if found then
      v_counts.imported := v_counts.imported + 1;
      continue;
    end if;
    select * into v_known from public.subsystems as s
    where s.workspace = p_workspace and s.name = v_entry.name
    for no key update;
    if core.same_status(v_known, v_entry) then
      v_counts.unchanged := v_counts.unchanged + 1;
    -- Made by init, by an import or for a document, and written by no execution since: whoever
    -- repairs a file and imports again gets the repaired status.
    elsif v_known.version = 1 and coalesce(v_known.last_execution_id, 'init') = 'init' then
      perform core.replace_subsystem(v_entry);
      v_counts.imported := v_counts.imported + 1;
    else
      v_counts.refused := v_counts.refused + 1;
    end if;
  end loop;
  return v_counts;
end;
$$;

-- sql/80_operations/init_workspace.sql
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
  v_request := core.recall_request(
    p_workspace_name, p_request_id, 'init_workspace', jsonb_build_array(p_workspace_name, p_with_defaults)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.workspace, v_request.answer);
  end if;
  insert into core.workspaces (name) values (p_workspace_name) on conflict do nothing;
  if p_with_defaults and core.write_defaults(p_workspace_name) > 0 then
    perform core.write_activity(p_workspace_name, 'init', 'workspace_initialized', '{}', null);
  end if;
  select w.name, w.created_at, w.last_conflict_id into v_row
  from core.workspaces as w
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

-- sql/80_operations/latest_interfaces.sql
-- The newest interfaces of each named subsystem that has published any.
create or replace function core.latest_interfaces(p_workspace text, p_subsystems text[])
returns public.subsystem_interfaces[]
language plpgsql
stable
set search_path = ''
as $$
begin
  return array(
    select latest.*::public.subsystem_interfaces
    from (select distinct n.name from unnest(p_subsystems) as n (name)) as named
    cross join lateral (
      select d.* from public.subsystem_interfaces as d
      where d.workspace = p_workspace and d.subsystem_name = named.name
      order by d.version desc limit 1
    ) as latest
    order by named.name
  );
end;
$$;

-- sql/80_operations/list_workspaces.sql
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
'For operators: every workspace with how many subsystems it has, how many are complete, and its open conflicts.';

-- sql/80_operations/replace_subsystem.sql
-- An import's row takes the place of the untouched default.
create or replace function core.replace_subsystem(p_row public.subsystems)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  update public.subsystems as s
  set
    state = p_row.state,
    current_mass_kg = p_row.current_mass_kg,
    current_cost_usd = p_row.current_cost_usd,
    current_power_w = p_row.current_power_w,
    within_budget = p_row.within_budget,
    iteration = p_row.iteration,
    metadata = p_row.metadata,
    version = p_row.version,
    last_execution_id = p_row.last_execution_id,
    created_at = p_row.created_at,
    updated_at = p_row.updated_at
  where s.workspace = p_row.workspace and s.name = p_row.name;
  return found;
end;
$$;

-- sql/80_operations/require_checkin.sql
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
  p_release boolean
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
  return true;
end;
$$;

-- sql/80_operations/require_counters.sql
-- Bounded far below what the columns hold: a counter at its end would stop its workspace for good.
create or replace function core.require_counters(p_counters jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_most constant bigint := 1::bigint << 53;
  v_entry jsonb;
begin
  if p_counters ? 'last_conflict_id' then
    perform core.require_whole_number(
      'document.counters.last_conflict_id', p_counters -> 'last_conflict_id', 0, v_most
    );
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
    perform core.require_whole_number(
      'document.counters.fencing.last_token', v_entry -> 'last_token', 1, v_most
    );
  end loop;
  return true;
end;
$$;

-- sql/80_operations/require_import_document.sql
create or replace function core.require_import_document(p_document jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_section record;
begin
  perform core.require_object('document', p_document);
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
      'subsystem_designs', 'conflicts', 'agent_activity_logs'
    ) or not jsonb_path_match(v_section.value, 'strict $.type() == "array" && !exists($[*] ? (@.type() != "object"))') then
      perform core.fail(
        'invalid_argument',
        jsonb_build_object('argument', 'document.' || left(v_section.key, 100), 'reason', 'is no known list of objects'),
        'Send the sections of export_state, each a list of objects.'
      );
    end if;
  end loop;
  return true;
end;
$$;

-- sql/80_operations/same_conflict.sql
create or replace function core.same_conflict(p_one public.conflicts, p_other public.conflicts)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    p_one.severity, p_one.priority, p_one.source_agent, p_one.target_agent, p_one.description, p_one.details,
    p_one.blocks_agents, p_one.status, p_one.resolution
  ) is not distinct from (
    p_other.severity, p_other.priority, p_other.source_agent, p_other.target_agent, p_other.description,
    p_other.details, p_other.blocks_agents, p_other.status, p_other.resolution
  );
end;
$$;

-- sql/80_operations/same_constraints.sql
create or replace function core.same_constraints(p_one public.global_constraints, p_other public.global_constraints)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    p_one.total_mass_kg_max, p_one.total_cost_usd_max, p_one.height_m, p_one.voltage_v,
    p_one.budget_allocations, p_one.metadata
  ) is not distinct from (
    p_other.total_mass_kg_max, p_other.total_cost_usd_max, p_other.height_m, p_other.voltage_v,
    coalesce(p_other.budget_allocations, '{}'), coalesce(p_other.metadata, '{}')
  );
end;
$$;

-- sql/80_operations/same_status.sql
create or replace function core.same_status(p_one public.subsystems, p_other public.subsystems)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    p_one.state, p_one.current_mass_kg, p_one.current_cost_usd, p_one.current_power_w, p_one.within_budget,
    p_one.iteration, p_one.metadata
  ) is not distinct from (
    p_other.state, p_other.current_mass_kg, p_other.current_cost_usd, p_other.current_power_w,
    p_other.within_budget, p_other.iteration, p_other.metadata
  );
end;
$$;

-- sql/80_operations/schema_version.sql
-- The name of the newest migration; a test holds both equal.
create or replace function core.schema_version()
returns text
language sql
immutable
set search_path = ''
as $$
  select '20261122000000';
$$;

create or replace function public.schema_version()
returns text
language sql
stable
set search_path = ''
as $$
  select core.schema_version();
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
  -- Each open conflict once for each subsystem that it concerns: one pass, however many subsystems.
  select
    o.workspace,
    core.agent_subsystem(a.name) as subsystem,
    count(distinct o.conflict_id) as active_conflicts
  from public.conflicts as o
  cross join unnest(o.blocks_agents || o.source_agent || o.target_agent) as a (name)
  where o.status = 'open'
  group by o.workspace, core.agent_subsystem(a.name)
) as c
  on s.workspace = c.workspace and s.name = c.subsystem
order by s.workspace, s.name;

comment on view public.system_status is
'Each subsystem with its budget, who holds its lock, and how many open conflicts concern it.';

-- sql/80_operations/write_defaults.sql
-- The default design: the limits, budgets and subsystems of the humanoid. Only fills what is absent;
-- the marker `init` lets an import replace it as long as nobody has touched it.
create or replace function core.write_defaults(p_workspace text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_latest constant public.global_constraints := core.lock_constraints(p_workspace);
  v_count integer;
begin
  insert into public.subsystems (workspace, name, last_execution_id)
  select p_workspace, n.name, 'init'
  from unnest(array[
    'actuation', 'integration', 'power', 'sensing', 'shell', 'skeleton', 'system_architect'
  ]) as n (name)
  on conflict do nothing;
  get diagnostics v_count = row_count;
  if v_latest.version = 0 then
    insert into public.global_constraints (
      workspace, version, total_mass_kg_max, total_cost_usd_max, height_m, voltage_v, budget_allocations, created_by
    ) values (
      p_workspace, 1, 45, 15000, 1.75, 48,
      '{
        "skeleton": {"mass_kg": 15, "cost_usd": 3000},
        "actuation": {"mass_kg": 12, "cost_usd": 6000, "power_w": 800},
        "power": {"mass_kg": 8, "cost_usd": 2000, "power_w": 50},
        "sensing": {"mass_kg": 3, "cost_usd": 2500, "power_w": 50},
        "shell": {"mass_kg": 5, "cost_usd": 1000},
        "reserve": {"mass_kg": 2, "cost_usd": 500}
      }',
      'init'
    );
    v_count := v_count + 1;
  end if;
  return v_count;
end;
$$;

-- sql/90_grants.sql
-- Who may call what, on one screen. Names without arguments: no function is overloaded.
-- Each RPC is a pair: the public wrapper and the core function behind it.
-- Role anon: nobody in particular; authenticated: an agent; service_role: an operator.

-- Tables: read through row level security, written by functions alone.
revoke all on
public.global_constraints, public.subsystems, public.subsystem_requirements, public.subsystem_interfaces,
public.subsystem_designs, public.conflicts, public.agent_activity_logs, public.agent_locks, public.system_status,
public.lock_queue, core.lock_tickets, core.lock_ticket_resources
from public, anon, authenticated, service_role;

grant select on
public.global_constraints, public.subsystems, public.subsystem_requirements, public.subsystem_interfaces,
public.subsystem_designs, public.conflicts, public.agent_activity_logs, public.agent_locks, public.system_status,
public.lock_queue, core.lock_tickets, core.lock_ticket_resources
to authenticated, service_role;

-- Everybody
grant usage on schema core to anon, authenticated, service_role;
grant execute on function public.health, core.health, core.schema_version to anon, authenticated, service_role;

-- Agents and operators
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
public.update_global_constraints, core.update_global_constraints,
public.log_conflict, core.log_conflict,
public.resolve_conflict, core.resolve_conflict,
public.get_active_conflicts, core.get_active_conflicts,
public.log_agent_activity, core.log_agent_activity,
public.checkout_subsystem, core.checkout_subsystem,
public.checkin_subsystem, core.checkin_subsystem,
public.export_state, core.export_state,
public.schema_version
to authenticated, service_role;

-- What row level security and the reads above evaluate with the caller's rights
grant execute on function
core.current_workspace, core.agent_subsystem
to authenticated, service_role;

-- Operators alone
grant execute on function
public.force_release_lock, core.force_release_lock,
public.init_workspace, core.init_workspace,
public.list_workspaces, core.list_workspaces,
public.import_state, core.import_state
to service_role;

-- sql/95_realtime.sql
-- Realtime of the platform and of Studio: subscribers see changes of the rows that row level security
-- lets them read. Elsewhere there is no such publication, and nothing to do.
do $$
declare
  v_table regclass;
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime' and not puballtables) then
    return;
  end if;
  -- Ours, and no table of anybody else: those whose row security asks for the workspace.
  for v_table in
    select distinct p.polrelid::regclass
    from pg_catalog.pg_policy as p
    inner join pg_catalog.pg_class as c on p.polrelid = c.oid
    inner join pg_catalog.pg_depend as d on p.oid = d.objid
    where
      c.relnamespace = 'public'::regnamespace
      and d.classid = 'pg_catalog.pg_policy'::regclass
      and d.refclassid = 'pg_catalog.pg_proc'::regclass
      and d.refobjid = 'core.current_workspace'::regproc
      and not exists (
        select from pg_catalog.pg_publication_rel as r
        inner join pg_catalog.pg_publication as b on r.prpubid = b.oid
        where r.prrelid = p.polrelid and b.pubname = 'supabase_realtime'
      )
  loop
    execute pg_catalog.format('alter publication supabase_realtime add table %s', v_table);
  end loop;
end;
$$;

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

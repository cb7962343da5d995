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

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

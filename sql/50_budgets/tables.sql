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

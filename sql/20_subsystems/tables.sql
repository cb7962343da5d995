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

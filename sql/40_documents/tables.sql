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

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

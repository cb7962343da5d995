-- What `supabase start` and `supabase db reset` add after the migrations: the workspace `default`
-- with the default configuration, as `sharedstate init` does.
set role service_role;
select name from public.init_workspace(workspace_name => 'default');
reset role;

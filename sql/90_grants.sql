-- Who may call what, on one screen. Names without arguments: no function is overloaded.
-- An RPC is a pair: the public wrapper and the core function that it calls. Some reads have no core half.
-- Roles: anon is anybody, authenticated is an agent, service_role is an operator.

-- Tables: read through row level security, written by functions alone.
revoke all on
public.global_constraints, public.budget_reservations, public.budget_usage, public.subsystems,
public.subsystem_requirements, public.subsystem_interfaces, public.subsystem_designs, public.document_dependencies,
public.conflicts, public.conflict_events, public.agent_activity_logs, public.agent_locks, public.system_status,
public.lock_queue, core.lock_tickets, core.live_lock_tickets, core.lock_ticket_resources, core.documents,
core.stale_inputs, core.live_reservations
from public, anon, authenticated, service_role;

grant select on
public.global_constraints, public.budget_reservations, public.budget_usage, public.subsystems,
public.subsystem_requirements, public.subsystem_interfaces, public.subsystem_designs, public.document_dependencies,
public.conflicts, public.conflict_events, public.agent_activity_logs, public.agent_locks, public.system_status,
public.lock_queue, core.lock_tickets, core.live_lock_tickets, core.lock_ticket_resources, core.documents,
core.stale_inputs, core.live_reservations
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
public.release_execution, core.release_execution,
public.get_situation, core.get_situation,
public.get_board, core.get_board,
public.schema_version
to authenticated, service_role;

-- What row level security and the reads above evaluate with the caller's rights
grant execute on function
core.visible_workspace, core.current_workspace
to authenticated, service_role;

-- Operators alone
grant execute on function
public.force_release_lock, core.force_release_lock,
public.init_workspace, core.init_workspace,
public.list_workspaces, core.list_workspaces,
public.import_state, core.import_state,
public.prune_activity, core.prune_activity
to service_role;

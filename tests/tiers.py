"""Which tests `make test` leaves to `make test-all`, and why: a marker for each reason.

Read from the top: of all entries that a test's name begins with, the longest one decides. What is
named nowhere, and what stands under QUICK, is run by `make test`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

MARKERS = {
    "matrix": "every function or table with every kind of caller or bad value",
    "property": "tries things by chance: hypothesis, and searches through whole spaces",
    "installs": "makes, breaks or upgrades installations of its own, or runs programs of others",
    "chaos": "kills and stops processes under load",
    "slow": "takes seconds: long races, waits for a clock, large data",
}
QUICK = "quick"

TIERS: dict[str, tuple[str, ...]] = {
    "matrix": (
        "sql/test_roles.py::test_a_function_does_for_each_caller_what_it_should",
        "sql/test_roles.py::test_a_table_can_be_read_by_keys_and_written_by_nobody",
        "sql/test_bad_input.py::test_a_bad_value_is_refused_and_changes_nothing",
        "sql/test_names.py::test_everything_can_have_any_name",
    ),
    "property": (
        "agents/test_setup_round_trip.py",
        "properties",
        "importing/test_parser_properties.py",
        "job/test_whole_designs.py",
    ),
    "installs": (
        "agents/test_mcp_inspector.py",
        "agents/test_plugin.py::test_claude_code_accepts_plugin_marketplace_and_roles",
        "agents/test_plugin.py::test_claude_code_refuses_a_plugin_with_a_broken_hook",
        "board",
        "compose",
        "concurrency/test_following.py::test_a_follower_goes_on_after_a_restart_of_the_stack",
        "docs/test_testing_page.py",
        "languages",
        "operations",
        "stack",
        "supabase_cli",
    ),
    "chaos": (
        "chaos",
        "concurrency/test_lease_races.py::"
        "test_no_acknowledged_increment_is_lost_while_holders_are_stopped_beyond_their_leases",
        "locks/test_killed_holder.py",
        "locks/test_stopped_holder.py",
    ),
    "slow": (
        "agents/test_doctor.py",
        "agents/test_doctor_service.py",
        "agents/test_hook_failures.py::test_an_answer_that_comes_drop_by_drop_is_given_up_as_well",
        "agents/test_hook_failures.py::test_an_input_that_does_not_end_is_given_up",
        "agents/test_mcp_http.py::test_leases_outlive_the_server_and_its_successor_finds_them",
        "agents/test_mcp_http.py::test_a_taken_port_is_told",
        "agents/test_mcp_humanoid.py",
        "agents/test_mcp_identity.py::"
        "test_a_client_that_is_killed_with_its_agents_leaves_nothing_held",
        "agents/test_mcp_identity.py::test_a_server_that_is_asked_to_end_ends_what_its_agents_hold",
        "agents/test_mcp_identity.py::"
        "test_twenty_agents_of_one_server_exclude_each_other_and_no_token_is_crossed",
        "bench",
        "concurrency/test_budgets.py::"
        "test_of_32_processes_that_race_for_the_last_unit_of_a_budget_one_wins",
        "concurrency/test_numbers.py",
        "docs/test_examples_in_docs.py::"
        "test_the_examples_of_a_page_run_one_after_the_other_and_print_what_it_says",
        "job/test_run.py",
        "locks/test_cpython_lock_tests.py",
        "locks/test_renewal.py",
        "mutants",
        "sql/test_export_limit.py",
        "sql/test_lock_queue.py::test_a_waiter_that_died_is_skipped_within_seconds",
        "unit/test_connections.py::test_an_async_client_serves_on_after_many_cancelled_calls",
        "unit/test_connections.py::test_many_threads_share_one_client_and_each_gets_its_own_answer",
        "unit/test_lazy_commands.py",
        "unit/test_lazy_imports.py",
    ),
    QUICK: (
        "agents/test_doctor.py::test_a_healthy_project_is_well_from_the_files_to_the_last_hook",
        "agents/test_doctor_service.py::test_it_knows_the_newest_migration",
        "board/test_actions.py::test_a_conflict_is_resolved_with_a_note",
        "board/test_overview.py::test_what_needs_somebody_stands_first_by_kind",
        "board/test_polling.py::"
        "test_cut_off_it_says_since_when_and_keeps_what_it_has_until_it_is_back",
        "board/test_serving.py",
        "board/test_subsystem_page.py::test_names_and_documents_that_mean_harm_are_text",
        "concurrency/test_numbers.py::test_of_sixteen_writes_with_one_version_one_wins",
        "concurrency/test_numbers.py::"
        "test_sixteen_processes_are_given_all_numbers_from_one_to_n_once",
        "locks/test_renewal.py::test_renewal_keeps_a_lock_longer_than_its_ttl",
        "operations/test_backup.py::"
        "test_what_is_restored_is_what_was_saved_with_schema_privileges_and_comments",
        "stack/test_binaries.py",
        "stack/test_demo.py::test_without_a_running_stack_it_starts_one_and_what_it_says_at_the_end_is_true",
        "stack/test_makefile.py",
        "stack/test_up_and_down.py::test_data_survives_down_and_up",
        "stack/test_up_and_down.py::test_up_starts_everything_and_says_how_to_use_it",
    ),
}


def tier_of(name: str) -> str:
    """The marker of a test, by its name as `folder/file.py::function`; QUICK where it has none."""
    return max(_fitting(name), default=(0, QUICK))[1]


def _fitting(name: str) -> Iterator[tuple[int, str]]:
    for tier, entries in TIERS.items():
        for entry in entries:
            if name == entry or name.startswith((f"{entry}/", f"{entry}::")):
                yield len(entry), tier


def pytest_configure(config: pytest.Config) -> None:
    for marker, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {meaning}")


def pytest_itemcollected(item: pytest.Item) -> None:
    tier = tier_of(item.nodeid.partition("[")[0].removeprefix("tests/"))
    if tier != QUICK:
        item.add_marker(tier)

"""Which database the commands work on, and how they reach it."""

from __future__ import annotations

from tests.stack.installation import Installation

from sharedstate.stack import Stack


def test_every_part_of_an_address_reaches_the_programs_of_postgres(
    shared_installation: Installation, installation: Installation
) -> None:
    address = Stack(shared_installation.root).info.database_url
    # A host that only its number leads to, a setting, and a name.
    address = address.replace("127.0.0.1", "db.invalid") + (
        "?hostaddr=127.0.0.1&options=-c%20statement_timeout%3D7s&application_name=mine"
    )
    installation.environment["DATABASE_URL"] = address
    query = "select current_setting('statement_timeout'), current_setting('application_name')"
    answer = installation.run("psql", "-Atc", query)
    assert answer.stdout == "7s|mine\n", answer.stderr

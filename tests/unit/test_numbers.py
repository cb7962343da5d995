"""What is read of a workspace keeps every digit."""

from __future__ import annotations

from decimal import Decimal

import respx

from sharedstate import SharedState


def test_no_number_of_an_export_is_rounded(client: SharedState, service: respx.MockRouter) -> None:
    digits = "0.12345678901234567890123"
    text = (
        '{"format":"sharedstate/1","subsystems":[{"name":"a","current_mass_kg":12.5,'
        f'"metadata":{{"exact":[{digits},-1.5E+400,{"9" * 30}]}}}}]}}'
    )
    service.post("rpc/export_state").respond(text=text)
    (entry,) = client.export_state()["subsystems"]
    assert type(entry["current_mass_kg"]) is float
    assert entry["metadata"]["exact"] == [Decimal(digits), Decimal("-1.5E+400"), 10**30 - 1]

"""The options of amounts: how much mass, cost and power."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from sharedstate_ops.cli.shown import UNITS, figure


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value <= 0:
        raise typer.BadParameter(f"{text!r} is no amount above 0: say 0.5")
    return value


AmountOption = Annotated[
    Decimal | None, typer.Option(parser=_amount, metavar="AMOUNT", help="How much of it.")
]


def said(moved: dict[str, Decimal]) -> str:
    """Amounts with their units: 0.5 kg, 20 W."""
    return ", ".join(f"{figure(amount)} {UNITS[name]}" for name, amount in moved.items())


def amounts(
    mass_kg: Decimal | None, cost_usd: Decimal | None, power_w: Decimal | None
) -> dict[str, Decimal]:
    """Those that were given, by the names of the database."""
    given = {"mass_kg": mass_kg, "cost_usd": cost_usd, "power_w": power_w}
    return {name: amount for name, amount in given.items() if amount is not None}

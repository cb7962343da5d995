"""Numbers of JSON without rounding: what a document can hold, and reading it digit by digit."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

# More than any document holds (1e308), and little enough to be written with all of its zeros.
_MAX_EXPONENT = 1000
_MAX_DECIMALS = 16383  # of a number in Postgres
# Up to here no setting of Python refuses to make an int of digits, or digits of an int.
_INT_DIGITS = sys.int_info.str_digits_check_threshold


def is_storable(value: Decimal) -> bool:
    """Whether a number in a document may be as large, and have as many decimals."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):  # of NaN and infinity
        return False
    return value.adjusted() <= _MAX_EXPONENT and exponent >= -_MAX_DECIMALS


def exact_decimal(text: str) -> float | Decimal:
    """A float where that keeps every digit, else a Decimal.

    >>> exact_decimal("12.5"), exact_decimal("0.12345678901234567890")
    (12.5, Decimal('0.12345678901234567890'))
    """
    exact = Decimal(text)
    rounded = float(text)
    same = rounded == rounded and abs(rounded) != float("inf") and Decimal(repr(rounded)) == exact
    return rounded if same else exact


def exact_integer(text: str) -> int | Decimal:
    """An int, or a Decimal where there are more digits than Python may be willing to read."""
    return int(text) if len(text) <= _INT_DIGITS else Decimal(text)


def decode_exactly(text: str) -> Any:
    """Python values of the database's JSON, without rounding any number: see exact_decimal."""
    return _EXACT.decode(text)


def refuse_constant(text: str) -> Any:
    """NaN and infinity, which Python's own reader takes, are no JSON."""
    raise ValueError(text)


# What the database holds is read whatever it is.
_EXACT = json.JSONDecoder(
    parse_constant=refuse_constant, parse_float=exact_decimal, parse_int=exact_integer
)

"""Checks of option values, with one message for all built-in plugins."""

from __future__ import annotations

from devbench import ContractError


def require_range(option: str, value: float, low: float, high: float) -> float:
    """Return value if low <= value <= high, else raise ContractError."""
    if not low <= value <= high:
        raise ContractError(
            f"option {option!r} is {value}", fix=f"choose a number from {low:g} to {high:g}"
        )
    return value


def require_order(low_option: str, low: float, high_option: str, high: float) -> None:
    """Raise ContractError if low is above high."""
    if low > high:
        raise ContractError(
            f"option {low_option!r} is {low}, above {high_option!r}, {high}",
            fix=f"choose {low_option} <= {high_option}",
        )

"""The rules of the card network. Pure: no database, no clock."""

from dataclasses import dataclass

from saga.messages import Money


@dataclass(frozen=True, slots=True)
class Account:
    """A customer's money in minor units. `held` is part of `balance` and promised to somebody."""

    customer_id: str
    currency: str
    balance: int
    held: int


@dataclass(frozen=True, slots=True)
class Moods:
    """How the network behaves. Times are seconds.

    `latency`: of every call. `hold`: how long it stands by an authorization. `time_outs`: the share of authorizations whose first
    `time_out_calls` calls are not answered within `patience`; so are those whose reference holds `marker`. After half of these time-outs
    the money is held, after the other half it is not: the caller cannot know.
    """

    latency: float = 0.0
    hold: float = 7 * 86_400.0
    time_outs: float = 0.0
    time_out_calls: int = 1
    patience: float = 0.3
    marker: str = ""
    seed: int = 0


def reason_to_decline(account: Account | None, amount: Money) -> str | None:
    """Why this amount cannot be held, or None."""
    if account is None:
        return "no-account"
    if amount.minor <= 0:
        return "bad-amount"
    if amount.currency != account.currency:
        return "other-currency"
    if account.balance - account.held < amount.minor:
        return "insufficient-funds"
    return None

"""What a demonstration prints at its end: a table and the ledger check for people, one JSON object for machines."""

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from rich.console import Console
from rich.table import Table

from saga.embedded.application import Figures, Place


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of the ledgers, and what the demonstration itself counted. `parked` is the coordinator's word, for information."""

    figures: Figures
    parked: int
    coordinator_kills: int
    seconds: float

    @property
    def good(self) -> bool:
        """Every order ended, nothing happened twice or for nothing, no stock is missing, and the money is right."""
        f = self.figures
        return not f.unfinished and f.duplicate_effects == f.stock_missing == 0 and f.money_captured_minor == f.money_expected_minor

    def as_dict(self) -> dict[str, int | float]:
        """The figures by name."""
        f = self.figures
        return {
            "orders": f.orders,
            "completed": f.completed,
            "compensated": f.compensated,
            "cancelled": f.cancelled,
            "parked": self.parked,
            "unfinished": len(f.unfinished),
            "duplicate_deliveries": f.duplicate_deliveries,
            "duplicate_effects": f.duplicate_effects,
            "money_captured_minor": f.money_captured_minor,
            "money_expected_minor": f.money_expected_minor,
            "stock_missing": f.stock_missing,
            "coordinator_kills": self.coordinator_kills,
            "seconds": self.seconds,
        }


def print_report(report: Report, console: Console, place: Place, *, as_json: bool) -> None:
    """Print it, and how to look further. With as_json the object is the last line of stdout."""
    table = Table("outcome", "count", "p50", "p99", title="orders, from the order service's ledger")
    for outcome, seconds in sorted(report.figures.outcomes.items()):
        table.add_row(outcome, str(len(seconds)), _seconds(seconds, 50), _seconds(seconds, 99))
    console.print(table)
    _ledgers(report, console)
    url = place.coordinator_url
    console.print(f"the coordinator's REST API is at [bold]{url}[/bold]; try\n  curl -s '{url}/v1/sagas?limit=3'")
    console.print(f"or on the command line\n  export SAGA_URL={url}\n  .venv/bin/saga list --status compensated", soft_wrap=True)
    if as_json:
        sys.stdout.write(orjson.dumps(report.as_dict()).decode() + "\n")
        sys.stdout.flush()


def _ledgers(report: Report, console: Console) -> None:
    f = report.figures
    checks = (
        ("every order ended", not f.unfinished, f"{len(f.unfinished)} unfinished"),
        ("nothing happened twice or for nothing", f.duplicate_effects == 0, f"{f.duplicate_effects} such effects"),
        (
            "money taken is money owed",
            f.money_captured_minor == f.money_expected_minor,
            f"{f.money_captured_minor} of {f.money_expected_minor}",
        ),
        ("no stock is missing", f.stock_missing == 0, f"{f.stock_missing} pieces"),
    )
    for text, good, fact in checks:
        console.print(f"  {'[green]ok[/green]  ' if good else '[red]WRONG[/red]'} {text} ({fact})")
    console.print(f"  records delivered twice: {f.duplicate_deliveries}; coordinator killed: {report.coordinator_kills}")
    if f.unfinished:
        console.print(f"  unfinished: {', '.join(f.unfinished[:10])}")


def _seconds(values: Sequence[float], percentile: int) -> str:
    if len(values) < 2:
        return f"{values[0]:.2f} s" if values else "-"
    return f"{statistics.quantiles(values, n=100, method='inclusive')[percentile - 1]:.2f} s"

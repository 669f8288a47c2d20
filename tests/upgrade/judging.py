"""I8 for recorded histories: every prefix folds as it did, and every recorded message is decided as it was.

For each step: fold of all stored events before it, then the recorded message at the recorded time. The same events, the same reason
where there are none, the same row and the same commands. `python -m tests.upgrade.judging` is the judgement alone, for another process
with another PYTHONHASHSEED.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from saga.core.decide import decide
from saga.core.events import Event
from saga.core.evolve import fold
from saga.core.state import State
from saga.definition.graph import Definition
from saga.errors import ActRefused, SagaError
from tests.proof.report import Report
from tests.upgrade.history import History, Recorded, Step, read, seen

CORPUS = Path(__file__).parent / "corpus"


def files(corpus: Path = CORPUS) -> list[Path]:
    """Every recorded file of every release."""
    return sorted(corpus.glob("*/*.jsonl"))


def judge(report: Report, path: Path) -> None:
    """Fold and decide every history of a file again."""
    recorded = read(path)
    definition = recorded.compiled()
    for history in recorded.histories:
        report.count("histories")
        stories = list(_differences(definition, recorded, history))
        report.held("I8", len(history.steps) - len(stories))
        report.count("decisions", len(history.steps))
        for story in stories:
            report.broke("I8", f"{path.parent.name}/{path.name}, saga {history.key}: {story}")


def _differences(definition: Definition, recorded: Recorded, history: History) -> Iterator[str]:
    state = State()
    for number, step in enumerate(history.steps, 1):
        where = f"{recorded.definition}, decision {number} on {step.kind}"
        try:
            events = step.facts()
            if story := _decided(definition, state, step):
                yield f"{where}: {story}"
            state = fold(events, state)
            now = seen(state, events)
        except (SagaError, TypeError, ValueError, LookupError, AttributeError) as error:
            yield f"{where}: {type(error).__name__}: {error}"
            return
        if now != step.seen:
            yield f"{where}: it shows {_first(now, step.seen)}"


def _decided(definition: Definition, state: State, step: Step) -> str:
    """How today's decision differs from the recorded one; empty when it does not."""
    said, events = "", tuple[Event, ...]()
    try:
        decision = decide(definition, state, step.input, step.now)
        events, said = decision.events, decision.ignored.value if decision.ignored else ""
    except ActRefused as error:
        said = f"refused: {error.code}"
    if list(events) == step.facts() and said == step.said:
        return ""
    names = [type(event).__name__ for event in events], [type(event).__name__ for event in step.facts()]
    if names[0] != names[1] or said != step.said:
        return f"{names[0]} {said}, recorded are {names[1]} {step.said}"
    return next(f"{one}, recorded is {other}" for one, other in zip(events, step.facts(), strict=True) if one != other)


def _first(now: dict[str, object], then: dict[str, object]) -> str:
    return next(
        f"{name} {now.get(name)}, recorded is {then.get(name)}" for name in sorted({*now, *then}) if now.get(name) != then.get(name)
    )


def main() -> int:
    """Judge all of it; 1 where anything differs."""
    report = Report("upgrade", 0)
    for path in files():
        judge(report, path)
    return report.finish(as_json="--json" in sys.argv)


if __name__ == "__main__":
    raise SystemExit(main())

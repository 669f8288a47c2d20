"""`saga conformance`: what it asks for, how it shows verdicts, how it ends."""

import json
from collections.abc import Sequence

import pytest
from typer.testing import CliRunner, Result

from saga.cli.app import app
from saga.cli.doors import Doors
from saga.config import Settings
from saga.errors import Unavailable
from saga.testing.conformance import Verdict
from saga.testing.conversation import Words

GIVEN = ("--participant", "desk", "--do", 'a.desk.Book.v1={"a": "b=c"}', "--undo", "a.desk.Unbook.v1={}")
HELD, BROKEN = Verdict("answers", "A do is answered.", ""), Verdict("fences", "A fence fences.", "expected refused, and got succeeded")


def run(*arguments: str, verdicts: Sequence[Verdict] = (HELD,), asked: list[object] | None = None, away: bool = False) -> Result:
    async def door(settings: Settings, participant: str, words: Sequence[Words], patience: float) -> Sequence[Verdict]:
        if away:
            raise Unavailable("kafka", "no broker answers")
        if asked is not None:
            asked.extend([settings.kafka_bootstrap, participant, *words, patience])
        return verdicts

    return CliRunner().invoke(app, ["conformance", *arguments], obj=Doors(conformance=door))


def test_what_is_asked_for_is_played() -> None:
    asked: list[object] = []
    result = run(*GIVEN, "--refused", "a.desk.Book.v1={}", "--bootstrap", "kafka:1", "--patience", "3", asked=asked)
    words = [Words("a.desk.Book.v1", '{"a": "b=c"}'), Words("a.desk.Unbook.v1", "{}"), Words("a.desk.Book.v1", "{}")]
    assert (result.exit_code, asked) == (0, ["kafka:1", "desk", *words, 3.0])


def test_a_broken_rule_is_told_and_ends_with_1() -> None:
    result = run(*GIVEN, verdicts=(HELD, BROKEN))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["held    answers: A do is answered.", "BROKEN  fences: expected refused, and got succeeded"]


def test_machines_get_one_document() -> None:
    said = json.loads(run(*GIVEN, "--json", verdicts=(HELD, BROKEN)).stdout)
    assert (said["ok"], said["participant"], [rule["broken"] for rule in said["rules"]]) == (False, "desk", [None, BROKEN.broken])


@pytest.mark.parametrize("words", ["", "Type", "=body", "Type="])
def test_words_without_type_or_body_are_wrong_usage(words: str) -> None:
    assert run("--participant", "desk", "--do", words, "--undo", "a={}").exit_code == 2


def test_kafka_away_ends_with_3() -> None:
    assert run(*GIVEN, away=True).exit_code == 3

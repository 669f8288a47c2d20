"""The rung's slice for every run of the tests, and proof that it fails when it should (L6, L9)."""

import subprocess
import sys
from random import Random
from typing import Any

import orjson
import pytest

from tests.hostile.bodies import BODIES, MAKERS, Bad, damaged, heading, name_of
from tests.hostile.slope import growth, theil_sen

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]


def rung(*words: str) -> tuple[int, dict[str, Any]]:
    """Run it as anybody would; its exit code and its line of JSON."""
    command = [sys.executable, "-m", "tests.hostile", "--seed", "5", "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=380, check=False)
    assert done.stdout, done.stderr[-3000:]
    return done.returncode, orjson.loads(done.stdout.splitlines()[-1])


def test_a_flood_of_bad_input_is_accounted_for_and_stalls_nothing() -> None:  # K11-K13, P14, A3, A4, A10, I10, I16, I19, I20
    code, told = rung("--records", "20000", "--calls", "3000")
    assert code == 0, told
    assert told["records"] > 20_000
    assert told["calls"] >= 2_900
    assert (told["violations"], told["stalls"], told["server_errors"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        ({"leak": "I19"}, ("--records", "40000", "--calls", "0")),
        ({"swallow": "I10", "canary": "I20"}, ("--records", "4000", "--calls", "0")),
        ({"raise": "stall"}, ("--records", "500", "--calls", "0", "--stalled-after", "8")),
        ({"fault": "every call is answered as the document says", "cross": "I16"}, ("--records", "500", "--calls", "2500")),
    ],
    ids=lambda planted: "-".join(planted) if isinstance(planted, dict) else "",
)
def test_planted_defects_are_found_each_by_its_invariant(planted: dict[str, str], words: tuple[str, ...]) -> None:
    code, told = rung(*(word for name in planted for word in ("--planted", name)), *words)
    assert code == 1
    found = {invariant for invariant, verdict in told["invariants"].items() if verdict["violations"]}
    assert set(planted.values()) <= found, told["invariants"]


def test_a_leak_is_told_from_noise_and_from_a_single_leap() -> None:
    noise = [(float(at), 100.0 + at % 7) for at in range(400)]
    assert abs(growth(noise)) < 1
    assert abs(growth([*noise, (400.0, 180.0)])) < 1
    assert growth([(x, y + x * 0.05) for x, y in noise]) == pytest.approx(10, abs=1)
    assert theil_sen([]) == 0


def test_no_damage_gives_a_record_the_name_of_another() -> None:
    chance, names = Random(1), {name_of(1, number).encode() for number in range(20_000)}
    others = set()
    for name in sorted(names):
        headers = damaged(chance, Bad("damaged", "order.events", b"", b"{}", heading(name.decode()), "*")).headers
        others |= {text for header, text in headers if header == "ce_id" and text is not None and text != name}
    assert len(others) > 100
    assert not others & names


@pytest.mark.parametrize("kind", BODIES)
def test_what_is_wrong_with_a_body_is_not_its_name(kind: str) -> None:
    name = name_of(1, 4999)
    value = MAKERS[kind](kind, name).value
    assert not value or name.encode() in value or b"order_id" not in value

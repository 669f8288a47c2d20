"""The whole thing as processes: real Apache Kafka in KRaft mode and PostgreSQL, two replicas, a SIGKILL in the middle."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]


@pytest.mark.parametrize("servers", [("--real-kafka", "--replicas", "2"), ()], ids=["kafka-two-replicas", "embedded"])
def test_orders_end_and_every_ledger_is_right_although_the_coordinator_is_killed(servers: tuple[str, ...]) -> None:  # K1, K4, P2, I3, I12
    command = [sys.executable, "-m", "saga", "demo", "--orders", "80", "--seed", "3", "--exit", "--json", *servers]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["orders"] == report["completed"] + report["compensated"] + report["cancelled"] == 80
    assert report["coordinator_kills"] == 1
    assert (report["unfinished"], report["duplicate_effects"], report["stock_missing"]) == (0, 0, 0)
    assert report["money_captured_minor"] == report["money_expected_minor"] > 0
    assert report["completed"] > report["compensated"] > 0
    assert report["duplicate_deliveries"] > 0

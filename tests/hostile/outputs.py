"""What the replica wrote: no key, and nothing of what stood in bodies (I20, A12)."""

from tests.hostile.bodies import CANARY
from tests.hostile.stage import Stage
from tests.proof.report import Report


def search_log(stage: Stage, report: Report) -> None:
    """Every line of the log."""
    secrets = [CANARY, *(key.partition(".")[2] for key in stage.keys.values()), stage.dsn.partition("@")[0].rpartition(":")[2]]
    lines = 0
    with stage.replica.log.open(errors="replace") as log:
        for line in log:
            lines += 1
            if any(secret in line for secret in secrets):
                report.broke("I20", f"line {lines} of the replica's log holds a secret or a body: {line[:120]}")
            elif "Traceback" in line:
                report.broke("every call is answered as the document says", f"the replica met a bug: {line[:600]}")
    report.held("I20", lines)
    report.tell("log_lines", lines)

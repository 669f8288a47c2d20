"""Where the processes that die come from: one process that has imported the woven product once, and forks.

    rung ──lines of JSON──> nursery ──fork──> coordinator, participant, replay (subject.py), each a real process with a pid of its own
         <── {"name", "pid"}, {"name", "ended": code or -signal}

It ends with its standard input, however the rung ended, and takes its children with it, stopped ones included.
Why not a new interpreter each time: it costs a second of a processor, and there are thousands of cases.
"""

import gc
import importlib
import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

from tests.crash import planted, weaving

SUBJECT = "tests.crash.subject"
LOOK_EVERY = 0.005


class Nursery:
    """The loop of the forking process."""

    def __init__(self) -> None:
        self._children: dict[int, str] = {}
        self._rest = b""

    def run(self) -> None:
        """Fork what is asked for until nobody asks any more."""
        try:
            while True:
                if select.select([0], [], [], LOOK_EVERY)[0]:
                    data = os.read(0, 65_536)
                    if not data:
                        return
                    *lines, self._rest = (self._rest + data).split(b"\n")
                    for line in lines:
                        self._fork(json.loads(line))
                self._bury()
        finally:
            for pid in self._children:
                os.kill(pid, signal.SIGKILL)

    def _fork(self, asked: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(log, 1)
                os.dup2(log, 2)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.environ["CRASH_LANE"] = asked["lane"]
                status = importlib.import_module(SUBJECT).run(asked)
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        self._children[pid] = asked["name"]
        _say({"name": asked["name"], "pid": pid})

    def _bury(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _say({"name": self._children.pop(pid), "ended": os.waitstatus_to_exitcode(status)})


def _say(what: dict[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def main() -> None:
    """`python -m tests.crash.nursery [defect]`."""
    weaving.install(planted.changes(sys.argv[1]) if len(sys.argv) > 1 else {})
    importlib.import_module(SUBJECT)
    gc.collect()
    gc.freeze()
    Path("/proc/self/comm").write_text("crash-nursery")
    _say({"name": "nursery", "pid": os.getpid()})
    Nursery().run()


if __name__ == "__main__":
    main()

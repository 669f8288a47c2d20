"""The conformance kit: plays wire.md section 4 at any participant over the log, and says of each rule whether it held.

A play's docstring is the rule. It raises Broken when the participant breaks it. Plays need a do that succeeds as often as it is asked,
its undo, and (if there is one) a do that is refused. They leave effects behind: not for production.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from saga.messages import FAILED_TYPE, NOTHING_TO_UNDO_TYPE, REFUSED_TYPE, UNDONE_TYPE
from saga.testing.conversation import Asked, Broken, Conversation, Heard, Words, fence

UNHEARD = "com.example.nowhere.Unheard.v99"
_CONTENT_TYPES = ("application/json", "application/cloudevents+json")
_NEEDED = ("specversion", "type", "idempotencykey", "sagaid", "attempt")
_MALFORMED = {"no JSON": b"{", "an array": b"[]", "the word null": b"null", "not UTF-8": b'{"a":"\xff"}', "nothing": b""}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a play plays with."""

    talk: Conversation
    do_words: Words
    undo_words: Words
    refused_words: Words | None = None

    def do(self) -> Asked:
        """A do that succeeds."""
        return Asked(self.do_words.type, self.do_words.filled())

    def undo(self, of: Asked) -> Asked:
        """An undo of a do, under a new id."""
        return Asked(self.undo_words.type, self.undo_words.filled(), undoes=of.id)

    async def done(self) -> tuple[Asked, Heard]:
        """A do that has succeeded, and its answer."""
        asked = self.do()
        heard = await self.talk.ask(asked)
        expect(heard.outcome == "succeeded", f"a do that should succeed was answered {_said(heard)}")
        return asked, heard

    async def undone(self) -> tuple[Asked, Asked, Heard]:
        """A do that has been undone, its undo, and the answer to that."""
        asked, _ = await self.done()
        undo = self.undo(asked)
        return asked, undo, await self.talk.ask(undo)


def expect(true: bool, otherwise: str) -> None:
    """Raise Broken if it is not true."""
    if not true:
        raise Broken(otherwise)


def _said(heard: Heard) -> str:
    return f"{heard.outcome or 'without ce_outcome'} ({heard['type']}{', ' + heard.code if heard.code else ''})"


def _is(heard: Heard, outcome: str, message_type: str = "", code: str = "") -> None:
    same = heard.outcome == outcome and (not message_type or heard["type"] == message_type) and (not code or heard.code == code)
    expect(same, f"expected {outcome}{f', {code}' if code else ''}, and got {_said(heard)}")


def _same(first: Heard, again: Heard) -> None:
    for name in ("id", "type", "outcome", "source"):
        expect(first[name] == again[name], f"a repetition has ce_{name} {again[name]!r}, the first answer had {first[name]!r}")
    expect(first.body == again.body, "a repetition has another body than the first answer")


async def answers(parts: Parts) -> None:
    """A do is answered succeeded, with the key, attempt, epoch, saga id and tenant of the command and headers as in section 2."""
    asked = replace(parts.do(), key=b"\xff key \x00", attempt=3)
    heard = await parts.talk.ask(asked)
    _is(heard, "succeeded")
    wanted = {"source": f"/{parts.talk.participant}", "causationid": asked.id, "attempt": "3", "epoch": "1"}
    for name, value in {**wanted, "sagaid": f"saga of {asked.id}", "tenant": "default"}.items():
        expect(heard[name] == value, f"ce_{name} of the answer is {heard[name]!r}, not {value!r}")
    expect(heard.envelope.key == asked.key, "the answer does not carry the key of the command")
    expect(0 < len(heard["id"]) <= 255, "ce_id of the answer has not 1 to 255 characters")
    expect(heard.content_type.startswith(_CONTENT_TYPES), f"content-type of the answer is {heard.content_type!r}")
    expect(not heard["type"].startswith("saga."), "a do that succeeded is answered with a reply type of its own")
    expect(isinstance(heard.body, dict), "the body of the answer is no object")


async def repeats(parts: Parts) -> None:
    """A repetition gets the first answer with the same ce_id, and echoes the command at hand, whatever its body and type say now."""
    asked, first = await parts.done()
    again = await parts.talk.ask(replace(asked, attempt=2, headers={"ce_sagaid": "another"}))
    _same(first, again)
    expect((again["attempt"], again["sagaid"]) == ("2", "another"), "a repetition echoes the first command, not the one at hand")
    _same(first, await parts.talk.ask(replace(asked, type=UNHEARD, value=b"no JSON", attempt=3)))


async def copies(parts: Parts) -> None:
    """Copies of a command that come at once, on any partition, have one answer among them."""
    asked = parts.do()
    heard = await parts.talk.ask_all([replace(asked, key=f"copy {number}".encode()) for number in range(8)])
    _is(heard[0], "succeeded")
    for again in heard[1:]:
        _same(heard[0], again)


async def undoes(parts: Parts) -> None:
    """An undo of a do that succeeded is answered succeeded, and its repetition the same."""
    _, undo, first = await parts.undone()
    _is(first, "succeeded", UNDONE_TYPE)
    _same(first, await parts.talk.ask(replace(undo, attempt=2)))


async def done_after_undone(parts: Parts) -> None:
    """A do that has been undone is refused (undone) when it comes again, under one ce_id that is not that of its first answer."""
    asked, first = await parts.done()
    await parts.talk.ask(parts.undo(asked))
    refusal = await parts.talk.ask(asked)
    _is(refusal, "refused", REFUSED_TYPE, "undone")
    expect(refusal["id"] != first["id"], "the refusal has the ce_id of the answer that it replaces")
    _same(refusal, await parts.talk.ask(asked))


async def undone_twice(parts: Parts) -> None:
    """A second undo of another id is answered succeeded."""
    asked, _, _ = await parts.undone()
    _is(await parts.talk.ask(parts.undo(asked)), "succeeded", UNDONE_TYPE)


async def undone_before_done(parts: Parts) -> None:
    """An undo before its do is answered nothing-to-undo, and the do is refused (undone-before-done) when it comes, each time the same."""
    asked = parts.do()
    undo = parts.undo(asked)
    nothing = await parts.talk.ask(undo)
    _is(nothing, "nothing-to-undo", NOTHING_TO_UNDO_TYPE)
    refusal = await parts.talk.ask(asked)
    _is(refusal, "refused", REFUSED_TYPE, "undone-before-done")
    _same(refusal, await parts.talk.ask(asked))
    _same(nothing, await parts.talk.ask(undo))
    _is(await parts.talk.ask(parts.undo(asked)), "nothing-to-undo", NOTHING_TO_UNDO_TYPE)


async def tombstone_needs_nothing(parts: Parts) -> None:
    """An undo before its do needs neither a body nor a known type."""
    undo = Asked(UNHEARD, b"no JSON", undoes=parts.do().id)
    _is(await parts.talk.ask(undo), "nothing-to-undo", NOTHING_TO_UNDO_TYPE)


async def races(parts: Parts) -> None:
    """A do and its undo that come at once exclude each other: either is first, and both answers say the same."""
    dos = [parts.do() for _ in range(6)]
    undos = [parts.undo(asked) for asked in dos]
    heard = await parts.talk.ask_all([one for pair in zip(dos, undos, strict=True) for one in pair])
    for done, undone in zip(heard[::2], heard[1::2], strict=True):
        first = done.outcome == "succeeded" and undone.outcome == "succeeded"
        late = done.outcome == "refused" and undone.outcome == "nothing-to-undo" and done.code == "undone-before-done"
        expect(first or late, f"a do was answered {_said(done)} and its undo {_said(undone)}")


async def fences(parts: Parts) -> None:
    """A fence makes sure that a do never happens, and never undoes one that has: refused (done)."""
    unknown = parts.do()
    _is(await parts.talk.ask(fence(unknown.id)), "nothing-to-undo", NOTHING_TO_UNDO_TYPE)
    _is(await parts.talk.ask(unknown), "refused", REFUSED_TYPE, "undone-before-done")
    asked, first = await parts.done()
    _is(await parts.talk.ask(fence(asked.id)), "refused", REFUSED_TYPE, "done")
    _same(first, await parts.talk.ask(asked))
    _is(await parts.talk.ask(parts.undo(asked)), "succeeded", UNDONE_TYPE)
    _is(await parts.talk.ask(fence(asked.id)), "succeeded", UNDONE_TYPE)


async def refuses(parts: Parts) -> None:
    """A refused do is remembered, and its undo has nothing to undo."""
    if parts.refused_words is None:
        return
    asked = Asked(parts.refused_words.type, parts.refused_words.filled())
    first = await parts.talk.ask(asked)
    _is(first, "refused")
    _same(first, await parts.talk.ask(replace(asked, attempt=2)))
    _is(await parts.talk.ask(parts.undo(asked)), "nothing-to-undo", NOTHING_TO_UNDO_TYPE)


async def unknown_types(parts: Parts) -> None:
    """A type that is not known is failed (unknown-type), each time with a new ce_id, and nothing is remembered of it."""
    asked = parts.do()
    unheard = replace(asked, type=UNHEARD)
    first, again = await parts.talk.ask(unheard), await parts.talk.ask(unheard)
    _is(first, "failed", FAILED_TYPE, "unknown-type")
    expect(first["id"] != again["id"], "two answers that are not remembered have one ce_id")
    _is(await parts.talk.ask(asked), "succeeded")
    _is(await parts.talk.ask(Asked(UNHEARD, b"{}", undoes=asked.id)), "failed", FAILED_TYPE, "unknown-type")
    _is(await parts.talk.ask(parts.undo(asked)), "succeeded", UNDONE_TYPE)


async def malformed_bodies(parts: Parts) -> None:
    """A body that cannot be read is failed (malformed), and the same command with a sound one is done."""
    for what, value in _MALFORMED.items():
        asked = parts.do()
        heard = await parts.talk.ask(replace(asked, value=value))
        expect((heard.outcome, heard.code) == ("failed", "malformed"), f"a body that is {what} was answered {_said(heard)}")
        _is(await parts.talk.ask(asked), "succeeded")


async def another_wire(parts: Parts) -> None:
    """A command of another wire version is failed (unknown-wire)."""
    _is(await parts.talk.ask(replace(parts.do(), headers={"ce_wire": "2"})), "failed", FAILED_TYPE, "unknown-wire")
    _is(await parts.talk.ask(replace(parts.do(), headers={"ce_wire": "1"})), "succeeded")


async def unusable(parts: Parts) -> None:
    """A command that cannot be answered is set aside, and the one behind it is handled."""
    broken = [replace(parts.do(), headers={f"ce_{name}": ""}) for name in _NEEDED]
    broken += [replace(parts.do(), headers={"ce_attempt": text}) for text in ("-1", "+1", "1.5", "one", "²")]
    broken += [replace(parts.do(), headers={"ce_specversion": "0.3"}), replace(parts.do(), more=(("ce_attempt", b"7"),))]
    broken += [replace(parts.do(), more=(("ce_step", b"\xff"),)), replace(parts.do(), more=(("ce_note", b"x" * 1025),))]
    broken += [replace(parts.do(), headers={"content-type": "application/cloudevents+json"}), replace(fence("x"), undoes="")]
    for asked in broken:
        why = ", ".join(f"{name}={value!r}" for name, value in {**asked.headers, **dict(asked.more)}.items())[:80]
        _is(await parts.talk.expect_silence(why or "a fence for nothing", asked, parts.do()), "succeeded")


async def odd_but_usable(parts: Parts) -> None:
    """An empty header is absent, the same header twice is read once, unknown headers are ignored, an invalid trace context too."""
    more = (("ce_undoes", b""), ("ce_attempt", b"1"), ("x", b"\xff"), ("CE_TYPE", b"x"), ("traceparent", b"\xffnonsense"))
    heard = await parts.talk.ask(replace(parts.do(), more=(*more, ("ce_unheard", b"x"))))
    _is(heard, "succeeded")
    expect(heard["unheard"] == "", "an attribute that nobody knows was echoed")
    late = {"ce_time": "1970-01-01T00:00:00.000Z", "ce_answerwithinms": "1"}
    _is(await parts.talk.ask(replace(parts.do(), headers=late)), "succeeded")


async def epochs(parts: Parts) -> None:
    """The newest epoch of a coordinator counts: an older command, and one that jumps by more than 1,000, are set aside."""
    other = f"{parts.talk.source}/epochs"
    newer, older, far = ({"ce_source": other, "ce_epoch": number} for number in ("7", "6", "1008"))
    asked = replace(parts.do(), headers=newer)
    first = await parts.talk.ask(asked)
    expect(first["epoch"] == "7", "the answer does not carry the epoch of the command")
    for why, headers in (("an older epoch", older), ("an epoch that jumps", far)):
        _is(await parts.talk.expect_silence(why, replace(parts.do(), headers=headers), replace(parts.do(), headers=newer)), "succeeded")
    _same(first, await parts.talk.ask(replace(asked, headers={"ce_source": other, "ce_epoch": "1007"})))
    _is(await parts.talk.ask(parts.do()), "succeeded")


Play = Callable[[Parts], Awaitable[None]]
PLAYS: tuple[Play, ...] = (
    answers,
    repeats,
    copies,
    undoes,
    done_after_undone,
    undone_twice,
    undone_before_done,
    tombstone_needs_nothing,
    races,
    fences,
    refuses,
    unknown_types,
    malformed_bodies,
    another_wire,
    unusable,
    odd_but_usable,
    epochs,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule, and how it was broken; empty if it held."""

    name: str
    rule: str
    broken: str


async def play(parts: Parts) -> list[Verdict]:
    """Play everything, one after the other. Raises Unavailable when Kafka is away."""
    verdicts: list[Verdict] = []
    for one in PLAYS:
        if one is refuses and parts.refused_words is None:
            continue
        verdicts.append(Verdict(one.__name__.replace("_", "-"), " ".join((one.__doc__ or "").split()), await _broken(one, parts)))
    return verdicts


async def _broken(one: Play, parts: Parts) -> str:
    said = ""
    for told in (one(parts), _checked(parts.talk)):
        try:
            await told
        except Broken as fault:
            said = said or str(fault)
    return said


async def _checked(talk: Conversation) -> None:
    talk.check()

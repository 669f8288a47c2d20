"""Who gives each parameter its value: the start event, the reply of one step, or, in an undo, what its own step sent and heard."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from saga.definition.faults import Faults
from saga.definition.graph import FromCommand, FromOwnReply, FromReply, FromStart, Source
from saga.definition.reading import Signature, Wanted
from saga.definition.said import Step
from saga.messages import Command, DomainEvent, Reply


@dataclass(frozen=True, slots=True)
class Giver:
    """A step as the others see it: what it answers, and whether it may be skipped."""

    step: Step[..., Any]
    command: type[Command[Any]] | None

    @property
    def successes(self) -> tuple[type[Reply], ...]:
        """The replies that say that its effect happened."""
        return self.command.success_types() if self.command else ()


@dataclass(frozen=True, slots=True)
class Taker:
    """A function whose inputs are looked for. `ancestors` is given for an undo: all that it may take besides its own."""

    step: str
    ancestors: frozenset[str] | None = None

    @property
    def is_undo(self) -> bool:
        """Whether it is the undo of the step."""
        return self.ancestors is not None


@dataclass(frozen=True, slots=True)
class Taken:
    """The inputs of a function. `whole` is False if one was not found; the fault is noted already."""

    sources: Mapping[str, Source] = field(default_factory=dict)
    whole: bool = True

    def steps(self) -> frozenset[str]:
        """The steps whose replies it takes."""
        return frozenset(source.step for source in self.sources.values() if isinstance(source, FromReply))


class Inputs:
    """Finds the source of each input in one definition."""

    def __init__(self, starts_on: type[DomainEvent], givers: Mapping[str, Giver], faults: Faults) -> None:
        self._starts_on = starts_on
        self._givers = givers
        self._faults = faults

    def take(self, signature: Signature, taker: Taker) -> Taken:
        """The sources of all parameters of a function."""
        found = {wanted.parameter: self._source(wanted, signature.where, taker) for wanted in signature.wanted}
        sources = {name: source for name, source in found.items() if source is not None}
        return Taken(sources, signature.whole and len(sources) == len(found))

    def step_named(self, step: object, where: str, word: str) -> str | None:
        """The name of a step given as itself or by name in `after=` or `Annotated`, if it is one of this saga's."""
        name = step.name if isinstance(step, Step) else step
        giver = self._givers.get(name) if isinstance(name, str) else None
        if giver is None or (isinstance(step, Step) and giver.step is not step):
            self._faults.add(where, f"{word} names {step!r}, which is no step of this saga", "name a step of the same saga")
            return None
        return giver.step.name

    def _source(self, wanted: Wanted, where: str, taker: Taker) -> Source | None:
        if wanted.types == (self._starts_on,):
            return self._start(wanted, where)
        if all(issubclass(kind, Reply) for kind in wanted.types):
            return self._reply(wanted, where, taker)
        if all(issubclass(kind, Command) for kind in wanted.types):
            return self._command(wanted, where, taker)
        starts_on = getattr(self._starts_on, "__name__", self._starts_on)
        self._faults.add(where, f"nobody gives it `{wanted}`", f"take the start event {starts_on} or the reply of a step")
        return None

    def _start(self, wanted: Wanted, where: str) -> Source | None:
        if wanted.optional or wanted.named is not None:
            self._faults.add(where, f"`{wanted}` is the start event, which is always there", f"take {self._starts_on.__name__} alone")
            return None
        return FromStart()

    def _command(self, wanted: Wanted, where: str, taker: Taker) -> Source | None:
        own = self._givers[taker.step].command
        if taker.is_undo and wanted.types == (own,) and not wanted.optional and wanted.named is None:
            return FromCommand()
        mend = f"take {own.__name__ if own else 'the command'}, which its step sent" if taker.is_undo else "take the reply to it instead"
        self._faults.add(where, f"it cannot have the command `{wanted}`", mend)
        return None

    def _reply(self, wanted: Wanted, where: str, taker: Taker) -> Source | None:
        step = self._giver_of(wanted, where)
        if step is None or not self._covers(step, wanted, where):
            return None
        if step == taker.step:
            return self._own_reply(step, wanted, where, taker)
        if taker.ancestors is not None and step not in taker.ancestors:
            what = f"`{wanted}` is the reply of {step}, on which {taker.step} does not depend: it may not be there"
            self._faults.add(where, what, f"let {taker.step} depend on {step}, with after=[{step}], or do without")
            return None
        if self._givers[step].step.terms.when is not None and not wanted.optional:
            what = f"`{wanted}` is the reply of {step}, which has a when and may be skipped"
            self._faults.add(where, what, f"take `{wanted} | None`")
            return None
        return FromReply(step, wanted.types, wanted.optional)

    def _own_reply(self, step: str, wanted: Wanted, where: str, taker: Taker) -> Source | None:
        if not taker.is_undo:
            self._faults.add(where, f"`{wanted}` is the reply of {step} itself: it would wait for itself", "take what is there before")
            return None
        if not wanted.optional:
            what = f"`{wanted}` is the reply of its own step, which is unknown when nobody answered"
            self._faults.add(where, what, f"take `{wanted} | None`")
            return None
        return FromOwnReply(wanted.types)

    def _giver_of(self, wanted: Wanted, where: str) -> str | None:
        if wanted.named is not None:
            return self.step_named(wanted.named, where, "Annotated")
        givers = [name for name, giver in self._givers.items() if all(kind in giver.successes for kind in wanted.types)]
        if len(givers) == 1:
            return givers[0]
        if givers:
            named = " and ".join(givers)
            self._faults.add(where, f"`{wanted}` is the reply of {named}", f"say whose: Annotated[{wanted.types[0].__name__}, {givers[0]}]")
        else:
            self._nobody_gives(wanted, where)
        return None

    def _nobody_gives(self, wanted: Wanted, where: str) -> None:
        for name, giver in self._givers.items():
            if giver.command is not None and giver.command.refused_type in wanted.types:
                what = f"`{wanted}` holds what {name} answers when it refuses; the saga then turns back or parks, and no step sees it"
                self._faults.add(where, what, f"take only what {name} answers when it succeeds")
                return
        if len(wanted.types) > 1 and all(any(kind in giver.successes for giver in self._givers.values()) for kind in wanted.types):
            mend = "take the reply of each step in a parameter of its own, as Reply | None where the step has a when"
            self._faults.add(where, f"`{wanted}` mixes replies of several steps", mend)
            return
        self._faults.add(where, f"no step answers with `{wanted}`", "add the step that does, or take a reply that some step gives")

    def _covers(self, step: str, wanted: Wanted, where: str) -> bool:
        """Whether a step answers with the wanted types and with no others."""
        successes = self._givers[step].successes
        strangers = [kind.__name__ for kind in wanted.types if kind not in successes]
        if strangers:
            known = " | ".join(kind.__name__ for kind in successes) or "nothing"
            self._faults.add(where, f"{step} does not succeed with {', '.join(strangers)}", f"take {known}")
            return False
        missing = [kind.__name__ for kind in successes if kind not in wanted.types]
        if missing:
            what = f"`{wanted}`: {step} may also succeed with {', '.join(missing)}"
            self._faults.add(where, what, f"take `{wanted.parameter}: {' | '.join(kind.__name__ for kind in successes)}`")
            return False
        return True

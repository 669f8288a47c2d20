"""Pause and resume all sagas of a definition.

The row in `paused_definition` is what holds: every batch reads it with its clock, begins new sagas paused, and pauses a running one before
anything else is decided about it. Going over the sagas that run is only for not waiting until each is touched; if the process dies on the
way, nothing is lost. A resume has to go over all of them, because nothing touches a paused saga: it may be asked again until none is left.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

from saga.core.inputs import DEFINITION_PAUSE, Act, Pause, Resume
from saga.ports.streams import PausedDefinition, SagaFilter, SagaRow, Store
from saga.runtime.audited import definition_entry
from saga.runtime.intake import Intake
from saga.runtime.operations import DefinitionAct, DefinitionActResult
from saga.runtime.work import Appended, Nothing, Work

PAGE = 200
AT_ONCE = 5_000
RUNNING = ("running", "compensating", "parked")


class DefinitionActs:
    """The acts on a whole definition, over the store and the intake."""

    def __init__(self, store: Store, intake: Intake, remembered: timedelta) -> None:
        self._store = store
        self._intake = intake
        self._remembered = remembered

    async def pause(self, tenant: str, act: DefinitionAct) -> DefinitionActResult:
        """Write the pause, then go over what runs."""
        await self._known(act.definition)
        row = PausedDefinition(tenant, act.definition, act.actor, act.reason, DEFINITION_PAUSE + act.input_id)
        await self._store.pause_definition(row, definition_entry(tenant, act, "pause-definition"))
        given = Pause(actor=act.actor, reason=act.reason, input_id=row.input_id)
        return await self._over(tenant, act, given, RUNNING, paused=True)

    async def resume(self, tenant: str, act: DefinitionAct) -> DefinitionActResult:
        """End the pause, then go over what it had paused."""
        await self._known(act.definition)
        await self._store.resume_definition(tenant, act.definition, definition_entry(tenant, act, "resume-definition"))
        given = Resume(
            actor=act.actor,
            reason=act.reason,
            input_id=f"resume-definition:{act.input_id}",
            even_if_forgotten=act.even_if_forgotten,
            remembered=self._remembered,
            with_definition=True,
        )
        return await self._over(tenant, act, given, ("paused",), paused=False)

    async def _over(self, tenant: str, act: DefinitionAct, given: Act, statuses: Sequence[str], *, paused: bool) -> DefinitionActResult:
        result = DefinitionActResult(act.definition, paused, changed=0, refused=0, more=False)
        async for rows in self._pages(tenant, act.definition, statuses):
            if result.changed >= AT_ONCE:
                return replace(result, more=True)
            works = [Work(given=given, saga_id=row.saga_id, target=str(row.saga_id), audited=False) for row in rows]
            await self._intake.inputs(works)
            changed = sum(isinstance(work.result, Appended) for work in works)
            nothing = sum(isinstance(work.result, Nothing) for work in works)
            result = replace(result, changed=result.changed + changed, refused=result.refused + len(works) - changed - nothing)
        return result

    async def _pages(self, tenant: str, definition: str, statuses: Sequence[str]) -> AsyncIterator[Sequence[SagaRow]]:
        for status in statuses:
            after = None
            while True:
                page = await self._store.list_sagas(SagaFilter(tenant, definition, status), PAGE, after)
                if page.rows:
                    yield page.rows
                after = page.after
                if after is None:
                    break

    async def _known(self, definition: str) -> None:
        if all(row.name != definition for row in await self._store.definitions()):
            raise LookupError("no definition of this name was ever published")

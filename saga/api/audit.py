"""Routes: the audit, which is who did or tried what."""

from fastapi import APIRouter, Request, Response

from saga.api import cursors, views
from saga.api.admitting import Who
from saga.api.asking import Desk, OnePage
from saga.api.documenting import problems
from saga.api.reading import StrictRoute
from saga.api.sagas import link_next

router = APIRouter(prefix="/v1", tags=["audit"], route_class=StrictRoute)


@router.get("/audit", operation_id="listAudit", responses=problems())
async def list_audit(asked: OnePage, who: Who, desk: Desk, request: Request, response: Response) -> views.AuditPage:
    """Acts of operators, changes of keys and denied attempts, newest first. `saga audit verify` proves that none was changed."""
    rows = await desk.audit(who.tenant, asked.limit, cursors.audit_before(asked.cursor))
    following = cursors.of_audit(rows[-1].position) if len(rows) == asked.limit else None
    link_next(request, response, "cursor", following)
    return views.AuditPage(items=[views.audited(row) for row in rows], next=following)

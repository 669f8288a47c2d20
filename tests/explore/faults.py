"""What goes wrong in an explored world: what is in flight is lost, a participant forgets, work ends late, a database is restored."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.explore.truths import NO_BACKUP, RESTORED
from tests.unit.core_model import WORKING, finish, forget

if TYPE_CHECKING:
    from tests.explore.world import Node, World


def faults(world: "World", node: "Node") -> Iterator[tuple[str, "Node"]]:
    """As far as the budget of the shape goes."""
    if node.net and (budget := world.spend(node.budget, "loss")) >= 0:
        yield "everything in flight is lost", node._replace(net=0, budget=budget)
    if world.shape.budget.weak and (budget := world.spend(node.budget, "weak")) >= 0:
        for slot, book in enumerate(world.shelf(node.books)):
            shelf = world.put(node.books, slot, world.book(forget(book)))
            if shelf != node.books:
                yield f"participant forgets {slot}", node._replace(books=shelf, budget=budget)
    if "work" in world.shape.choices:
        yield from _work_ends(world, node)
    if world.shape.budget.restore:
        yield from _restore(world, node)


def _work_ends(world: "World", node: "Node") -> Iterator[tuple[str, "Node"]]:
    """What a participant was busy with ends, and its answer comes unasked."""
    for do, slot in world.slots.items():
        book = world.books[world.shelves[node.books][slot]]
        if book.status == WORKING:
            for succeed in (True, False):
                after, outcome = finish(book, succeed=succeed)
                net = node.net | world.said(do, outcome, 1)
                label = f"work on {world.refs[do].of.step} ends: {outcome}"
                yield label, node._replace(books=world.put(node.books, slot, world.book(after)), net=net)


def _restore(world: "World", node: "Node") -> Iterator[tuple[str, "Node"]]:
    if node.backup == NO_BACKUP:
        yield "a backup is taken", node._replace(backup=node.saga)
    elif node.backup not in (RESTORED, node.saga):
        drained = world.shape.budget.exact_restore
        label = f"{'all topics are drained, and ' if drained else ''}the database is restored from the backup"
        yield label, node._replace(saga=node.backup, backup=RESTORED, net=0 if drained else node.net)

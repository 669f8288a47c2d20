"""What the participants of a world know: a book for each do, all books of a state on a shelf, both by number."""

from tests.explore.numbered import Numbered, numbered
from tests.unit.core_model import Book


class Shelves:
    """Books and shelves. `slots` says where on a shelf the book of a do stands."""

    slots: dict[str, int]

    def __init__(self) -> None:
        self._books, self.books = numbered(Numbered[Book](Book()))
        self._shelves, self.shelves = numbered(Numbered[tuple[int, ...]]())

    def book(self, book: Book) -> int:
        """The number of a book."""
        return self._books.number(book)

    def shelve(self, shelf: tuple[int, ...]) -> int:
        """The number of a shelf of books."""
        return self._shelves.number(shelf)

    def put(self, shelf: int, slot: int, book: int) -> int:
        """The shelf with another book in this place."""
        books = self.shelves[shelf]
        return shelf if books[slot] == book else self.shelve((*books[:slot], book, *books[slot + 1 :]))

    def shelf(self, number: int) -> list[Book]:
        """The books of a shelf."""
        return [self.books[book] for book in self.shelves[number]]

    def book_of(self, shelf: int, command: str) -> Book:
        """What the participant knows of this do."""
        return self.books[self.shelves[shelf][self.slots[command]]]

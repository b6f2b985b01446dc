"""How the story looks on a terminal: chapters, steps, tables."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

FILE_WIDTH = 120


class StepFailed(Exception):
    """A step of the story did not hold."""


class Screen:
    """Prints the story. `require` is what makes the exit code honest."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        if not self.console.is_terminal:
            self.console.width = FILE_WIDTH
        self._chapter = 0

    def chapter(self, title: str) -> None:
        self._chapter += 1
        self.console.print(f"\n[bold cyan]{self._chapter}. {title}[/]")

    def step(self, text: str) -> None:
        self.console.print(f"   [green]✓[/] {text}")

    def refused(self, text: str) -> None:
        self.console.print(f"   [yellow]✗ refused, as it must be:[/] {text}")

    def note(self, text: str) -> None:
        self.console.print(f"     [dim]{text}[/]")

    def require(self, condition: object, sentence: str) -> None:
        """Raise `StepFailed` with the sentence unless the condition holds."""
        if not condition:
            raise StepFailed(sentence)

    def table(self, *columns: str, rows: Sequence[Sequence[str]]) -> None:
        table = Table(box=None, padding=(0, 1, 0, 3), header_style="bold")
        for column in columns:
            table.add_column(column, no_wrap=True)
        for row in rows:
            table.add_row(*row)
        self.console.print(table)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        with self.console.status(f"   {text}"):
            yield

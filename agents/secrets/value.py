"""A secret's value while it is needed: no way of looking at it shows it but asking for it by name."""

from typing import NoReturn, Self

HIDDEN = "<secret value>"


class SecretValue:
    """What a store answered. `reveal` gives it, until `drop`; nothing else does.

    It has no `__dict__`, prints and formats as `<secret value>`, and is neither copied nor pickled: a
    traceback, a debug page, a log line and a cache show that there was one, and no more.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text: str | None = text

    def reveal(self) -> str:
        """The value, for the call that needs it.

        Raises:
            RuntimeError: it was dropped.
        """
        if self._text is None:
            raise RuntimeError("This secret was dropped when its call was over. Ask for it again.")
        return self._text

    def drop(self) -> None:
        """Forget it. Python gives no promise to overwrite its memory."""
        self._text = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, format_spec: str) -> str:
        return HIDDEN

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("A secret is neither copied nor pickled.")

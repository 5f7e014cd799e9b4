"""What went wrong with a rerank API."""

from __future__ import annotations

from secondpass.core.errors import ModelError


class RemoteError(ModelError):
    """A rerank API cannot be reached, refuses, or answers what is not an answer.

    Attributes:
        status: Of the HTTP response; None where there was none.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[type[RemoteError], tuple[str, int | None]]:
        return type(self), (str(self), self.status)

"""What the service may be told, by flags, by the environment or by a file, in this order."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from secondpass.core.errors import InvalidInputError, MissingExtraError

try:
    from pydantic import Field, SecretStr, ValidationError
    from pydantic_settings import (
        BaseSettings,
        PydanticBaseSettingsSource,
        SettingsConfigDict,
        TomlConfigSettingsSource,
    )
except ImportError as error:
    raise MissingExtraError("secondpass serve", "server") from error

PREFIX = "SECONDPASS_SERVE_"
HANDED_ON = f"{PREFIX}SETTINGS"
"""The variable by which worker processes get the settings, as JSON."""

MANY = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder through which several workers count together; Prometheus'
client reads it when it is imported."""


class Settings(BaseSettings):
    """All that can be set. An environment variable is ``SECONDPASS_SERVE_`` and the name in capital
    letters; lists and tables are JSON there. A file is TOML.

    Attributes:
        recipes: By name, what `secondpass.load` takes: a recipe's file or a model string. The
            first answers requests that name none.
        any_model: Let the first recipe answer requests that name one which is not there.
        host: Address to listen on.
        port: Port to listen on.
        workers: Processes. Each has its own queue and its own copy of what changes.
        threads: Processors for the models of one worker; None: its share of the machine.
        keys: Accepted Bearer keys; empty for no check.
        keys_file: A file with one more key a line, such as a mounted secret.
        max_body_bytes: Longest body of a request.
        body_seconds: How long a body may take to arrive.
        max_documents: Most documents of a request.
        max_document_characters: Longest document.
        max_query_characters: Longest query.
        max_requests: Most requests at a time in a worker.
        deadline_seconds: Longest time for a request; its header may ask for less.
        queue_seconds: Most work, in estimated seconds, that may wait; beyond it 429.
        batch_tokens: Of a batch over all requests; None: 1,024 for each thread.
        batch_wait_ms: How long a batch waits for requests that are on their way.
        drain_seconds: How long requests may go on after SIGTERM.
        page: Whether ``/`` shows the page for trying queries.
        log_level: "debug", "info", "warning" or "error".
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    recipes: dict[str, str] = Field(default={"builtin": "builtin"}, min_length=1)
    any_model: bool = False
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=256)
    threads: int | None = Field(default=None, ge=1)
    keys: list[SecretStr] = []
    keys_file: Path | None = None
    max_body_bytes: int = Field(default=16 << 20, ge=1024)
    body_seconds: float = Field(default=10.0, gt=0)
    max_documents: int = Field(default=1000, ge=1)
    max_document_characters: int = Field(default=100_000, ge=1)
    max_query_characters: int = Field(default=10_000, ge=1)
    max_requests: int = Field(default=256, ge=1)
    deadline_seconds: float = Field(default=30.0, gt=0)
    queue_seconds: float = Field(default=10.0, gt=0)
    batch_tokens: int | None = Field(default=None, ge=1)
    batch_wait_ms: float = Field(default=2.0, ge=0, le=100)
    drain_seconds: int = Field(default=30, ge=1)
    page: bool = True
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")

    @classmethod
    def settings_customise_sources(  # the names are pydantic's
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then the file; see `gathered`."""
        file = cls.model_config.get("toml_file")
        of_file = (TomlConfigSettingsSource(settings_cls),) if file else ()
        return (init_settings, env_settings, *of_file)

    @classmethod
    def gathered(
        cls, flags: Mapping[str, Any] | None = None, file: str | os.PathLike[str] | None = None
    ) -> Settings:
        """Of all sources; a value of the first that has it counts.

        Raises:
            InvalidInputError: A name that there is not, a value that cannot be, no such file.
        """
        kind = cls
        if file is not None:
            path = Path(file)
            if not path.is_file():
                raise InvalidInputError(f"there is no file {os.fspath(file)!r}")

            class OfFile(cls):  # type: ignore[valid-type,misc]
                model_config = SettingsConfigDict(toml_file=path)

            kind = OfFile
        try:
            return kind(**dict(flags or {}))
        except ValidationError as error:
            said = "; ".join(f"{_name(e['loc'])}: {e['msg']}" for e in error.errors()[:3])
            raise InvalidInputError(f"the settings of the service: {said}") from None
        except ValueError as error:  # of TOML or of JSON in a variable
            raise InvalidInputError(f"the settings of the service: {error}") from error

    def handed_on(self) -> str:
        """As JSON, keys included, for the environment of worker processes."""
        plain = self.model_dump(mode="json")
        plain["keys"] = [key.get_secret_value() for key in self.keys]
        return json.dumps(plain)

    @classmethod
    def received(cls) -> Self:
        """What a parent process handed on; else that of the environment."""
        handed_on = os.environ.get(HANDED_ON)
        return cls(**json.loads(handed_on)) if handed_on else cls()

    def accepted_keys(self) -> list[str]:
        """All keys; empty for no check.

        Raises:
            InvalidInputError: The file of keys cannot be read, or holds none.
        """
        keys = [key.get_secret_value() for key in self.keys]
        if self.keys_file is not None:
            try:
                lines = self.keys_file.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise InvalidInputError(f"keys_file cannot be read: {error}") from error
            of_file = [line.strip() for line in lines if line.strip()]
            if not of_file:
                raise InvalidInputError(f"keys_file {self.keys_file} holds no key")
            keys += of_file
        if not all(keys):
            raise InvalidInputError("an empty key would let everybody in")
        return keys


def _name(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "settings"

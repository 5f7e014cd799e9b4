"""The whole suite."""

from __future__ import annotations

from secondpass.testing.adapter_kit.asynchronous import AsyncTests
from secondpass.testing.adapter_kit.cuts import CutTests
from secondpass.testing.adapter_kit.refusals import RefusalTests
from secondpass.testing.adapter_kit.results import ResultTests
from secondpass.testing.adapter_kit.schema import SchemaTests
from secondpass.testing.adapter_kit.storing import StoringTests
from secondpass.testing.adapter_kit.tracing import TracingTests


class AdapterContract(
    ResultTests, SchemaTests, CutTests, RefusalTests, AsyncTests, TracingTests, StoringTests
):
    """What every adapter holds; subclass it as ``TestContract``, and pytest runs it.

    Write `documents`, `run` and `read`, and `arun`, `trace`, `store` and `restore` where the
    framework has such a thing. Set `adapter`, `top` and, for what the framework does not have,
    `without`: a reason for each, which the skipped tests then show.

    Nothing here depends on the clock, the network or a model's weights, but for `storing`, which
    takes the built-in model.
    """

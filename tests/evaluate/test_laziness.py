from __future__ import annotations

import subprocess
import sys
from types import ModuleType


def test_the_package_keeps_its_name() -> None:
    import secondpass
    import secondpass.evaluate
    from secondpass.evaluate import evaluate

    assert isinstance(secondpass.evaluate, ModuleType)
    assert callable(evaluate)
    for name in secondpass.evaluate.__all__:
        assert not isinstance(getattr(secondpass.evaluate, name), ModuleType), name


def test_nothing_of_it_is_loaded_before_it_is_asked_for() -> None:
    heavy = "('numpy', 'scipy', 'ir_measures', 'matplotlib', 'secondpass.evaluate')"
    code = f"import sys, secondpass.cli.evaluate; bad = [m for m in {heavy} if m in sys.modules];"
    subprocess.run([sys.executable, "-c", code + "assert not bad, bad"], check=True)


def test_drawing_is_loaded_when_something_is_drawn() -> None:
    code = "import sys, secondpass.evaluate; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

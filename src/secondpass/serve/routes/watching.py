"""Health, metrics, what is served, and the page for trying it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import FileResponse, JSONResponse, Response

from secondpass.serve.asking import Service

router = APIRouter(tags=["watching"])
_PAGE = Path(__file__).parents[1] / "page/index.html"
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; img-src data:; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}
_TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/", include_in_schema=False)
async def page(request: Request) -> FileResponse:
    """Try a query in a browser; it loads nothing from elsewhere."""
    service: Service = request.app.state.service
    if not service.settings.page:
        raise HTTPException(404, "the page is switched off here")
    return FileResponse(_PAGE, media_type="text/html", headers=_PAGE_HEADERS)


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/health")
@router.get("/health/ready")
async def ready(request: Request) -> JSONResponse:
    """The models scored known pairs as expected; else 503, with the reason."""
    service: Service = request.app.state.service
    if service.ready:
        return JSONResponse({"status": "ready"})
    return JSONResponse({"status": "not ready", "reason": service.problem}, 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """For Prometheus."""
    service: Service = request.app.state.service
    service.metrics.gauges(service.recipes, service.requests)
    return Response(service.metrics.page(), media_type=_TEXT_FORMAT)


@router.get("/v1/models")
async def models(request: Request) -> dict[str, Any]:
    """The recipes by name, as OpenAI's and vLLM's list of models."""
    service: Service = request.app.state.service
    data = [
        {
            "id": name,
            "object": "model",
            "created": 0,
            "owned_by": "secondpass",
            "root": served.model,
            "max_model_len": served.max_length,
            "pipeline": repr(served.stage),
        }
        for name, served in service.recipes.items()
    ]
    return {"object": "list", "data": data}


@router.get("/info")
async def info(request: Request) -> dict[str, Any]:
    """The default recipe, as TEI describes its model."""
    service: Service = request.app.state.service
    served, settings = service.served(None), service.settings
    name, _, revision = served.model.partition("@")
    label = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    return {
        "model_id": name,
        "model_sha": revision or None,
        "model_dtype": "unknown",
        "served_model_name": served.name,
        "model_type": {"reranker": label},
        "max_concurrent_requests": settings.max_requests,
        "max_input_length": served.max_length,
        "max_batch_tokens": served.batchers[0].tokens if served.batchers else 0,
        "max_client_batch_size": settings.max_documents,
        "auto_truncate": True,
        "tokenization_workers": service.recipes.threads,
        "version": version("secondpass"),
        "max_batch_requests": None,
        "sha": None,
        "docker_label": None,
    }

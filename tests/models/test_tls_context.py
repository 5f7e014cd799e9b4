"""Certificates are read once for all clients, and anew where the environment names others."""

from __future__ import annotations

import ssl

import pytest

pytest.importorskip("httpx2")

from secondpass.models.network import tls_context


def test_clients_share_it_until_the_environment_names_other_certificates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    certifi = pytest.importorskip("certifi")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    usual = tls_context()
    assert usual is tls_context()
    assert usual.verify_mode is ssl.CERT_REQUIRED
    assert usual.check_hostname
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    assert tls_context() is not usual
    monkeypatch.delenv("SSL_CERT_FILE")
    assert tls_context() is usual

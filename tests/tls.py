"""Certificates of a private authority, and contexts that use them."""

import ssl
from datetime import datetime

import trustme


def tls_for(authority: trustme.CA, host: str, *, not_after: datetime | None = None) -> ssl.SSLContext:
    """A server's context, with a certificate for a host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host, not_after=not_after).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client's context that trusts this authority alone."""
    return ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())

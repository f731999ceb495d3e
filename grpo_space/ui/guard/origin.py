"""Who calls: from which address, and from a page of which site."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Origin:
    """The app's own names, by which a request from one of its own pages is known."""

    on_space: bool = False
    hosts: tuple[str, ...] = ()
    """The names that the Space has; empty: what the request calls the app."""
    this_machine: bool = False
    """Only names of this machine count: another site's name may be made to lead here (DNS rebinding)."""

    def misnamed(self, headers: Headers) -> bool:
        """Does the request call the app by a name that is not its own?"""
        return self.this_machine and not loopback(host_of(f"//{headers.get('host', '')}"))

    def foreign(self, headers: Headers) -> bool:
        """Was the request made by another site's page? A browser says so; what is no browser says nothing."""
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return True
        if "origin" not in headers:
            return False
        own = self.hosts or (headers.get("host", ""),)
        try:
            origin = urlsplit(headers["origin"])
        except ValueError:  # http://[
            return True
        return origin.scheme not in DEFAULT_PORTS or _place(origin.netloc, origin.scheme) not in {
            _place(name, origin.scheme) for name in own
        }

    def address(self, scope: Mapping[str, Any]) -> str:
        """The caller's address, of IPv6 the network of 64 bits that a household has; empty where it is not known.

        A Space's proxy writes it last into X-Forwarded-For; what stands before that is the caller's word.
        """
        client = scope.get("client")
        found = client[0] if client else ""
        forwarded = Headers(raw=list(scope.get("headers", ()))).getlist("x-forwarded-for")
        if self.on_space and forwarded:
            found = forwarded[-1].rpartition(",")[2].strip()
        try:
            address = ipaddress.ip_address(found)
        except ValueError:
            return str(found)[:64]
        return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def origin_here(environment: Mapping[str, str], on_space: bool, password: bool) -> Origin:
    """SPACE_HOST holds several names, by commas, where the Space has a domain of its own too."""
    hosts = [name.strip() for name in environment.get("SPACE_HOST", "").split(",") if name.strip()]
    return Origin(on_space, tuple(hosts) if on_space else (), this_machine=not on_space and not password)


def loopback(host: str) -> bool:
    """Is it a name or an address of this machine?"""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(url: str) -> str:
    """The host in an address; empty where there is none, as in `http://[`, which cannot be split."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _place(name: str, scheme: str) -> tuple[str, int | None]:
    """Host and port, the scheme's own where none is named."""
    try:
        split = urlsplit(f"//{name}")
        return (split.hostname or "").lower(), split.port or DEFAULT_PORTS[scheme]
    except ValueError:
        return name, None

"""On PYTHONPATH of an app under attack: the Hub's name leads to this machine, where a test's server listens. What the
app fetches from `http://huggingface.co:PORT` is then seen, and nothing leaves the machine.
"""

import socket
from typing import Any

_asked = socket.getaddrinfo


def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
    return _asked("127.0.0.1" if host in ("huggingface.co", b"huggingface.co") else host, *rest, **more)


socket.getaddrinfo = getaddrinfo

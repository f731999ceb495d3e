"""How the handlers of the page are called, where many are called alike."""

from typing import Any

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""For a handler that is no endpoint for programs; nothing is drawn over what it fills."""
EIGHT_AT_ONCE: dict[str, Any] = {**QUIET, "concurrency_limit": 8}
"""The same, for what many visitors press at the same time."""

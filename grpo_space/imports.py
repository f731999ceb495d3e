"""Imports that take seconds, in less of them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """For imports alone: nothing of the hundreds of thousands of objects that torch or Gradio come with is ever
    garbage, and to look through them again and again took a sixth of the time. From then on nobody looks at them.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()

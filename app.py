"""The app: `python app.py`, or a Hugging Face Space."""

import os
import sys

from grpo_space.errors import UserError
from grpo_space.imports import uncollected

with uncollected():
    from grpo_space.ui.app import serve

if __name__ == "__main__":
    try:
        serve()
    except UserError as error:
        sys.exit(str(error))
    # All that matters is in the run folders by now. A usual exit would wait for threads of Gradio's, and these wait for
    # connections that somebody may never close.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)

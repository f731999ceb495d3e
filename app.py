"""The app: `python app.py`, or a Hugging Face Space."""

import sys

from grpo_space.errors import UserError
from grpo_space.ui.app import serve

if __name__ == "__main__":
    try:
        serve()
    except UserError as error:
        sys.exit(str(error))

"""`python -m grpo_space`: the command line."""

import sys

from grpo_space.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

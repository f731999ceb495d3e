"""Uploads this project to a Space, created or updated: `make space SPACE=user/name`.

A plain git push would be refused: the tiny model's weights are binary.
"""

import sys
from pathlib import Path

from huggingface_hub import get_token

from grpo_space import hub
from grpo_space.errors import UserError
from grpo_space.hub_upload import upload
from grpo_space.paths import PROJECT

FOLDERS = ("grpo_space", "presets", "docs", "notebooks", "benchmarks")
FILES = (
    "app.py",
    "README.md",
    "requirements*.txt",
    "packages.txt",
    "Makefile",
    "pyproject.toml",
    "LICENSE",
    "CONTRIBUTING.md",
    ".gitignore",
)


def files() -> dict[str, Path]:
    """The files of this project that a Space needs, by their paths in it."""
    found = [path for folder in FOLDERS for path in (PROJECT / folder).rglob("*") if "__pycache__" not in path.parts]
    found += [path for pattern in FILES for path in PROJECT.glob(pattern)]
    return {path.relative_to(PROJECT).as_posix(): path for path in sorted(found) if path.is_file()}


def put(name: str, token: str | None) -> str:
    """Uploads the project to the Space of that name. Gives the address of its page.

    Raises:
        UserError: with the cause and the cure.
    """
    if name.count("/") != 1:
        raise UserError(f"SPACE: {name!r} is not written user/name: make space SPACE=user/name")
    if not token:
        raise UserError("space: nobody is signed in: hf auth login")
    api = hub.api(token)
    try:
        hub.retried(lambda: api.create_repo(name, repo_type="space", space_sdk="gradio", exist_ok=True))
        upload(api, name, files(), "GRPO Space", kind="space", stale=lambda path: path.startswith("grpo_space/"))
    except (*hub.SPOKEN, RuntimeError, ValueError) as error:
        raise UserError(hub.writing_failed(error, name, token)) from None
    return hub.page(name, "space")


if __name__ == "__main__":
    try:
        print(put(sys.argv[1] if len(sys.argv) > 1 else "", get_token()))
    except UserError as error:
        sys.exit(str(error))

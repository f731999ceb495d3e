"""What the README says of the project's own files is true."""

import re

import pytest

from grpo_space.paths import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")
FILES = [path.relative_to(PROJECT / "grpo_space") for path in (PROJECT / "grpo_space").rglob("*.py")]


@pytest.mark.parametrize("file", [f for f in FILES if f.name != "__init__.py"], ids=str)
def test_every_file_of_the_package_has_its_line(file: object) -> None:
    folder, _, name = str(file).rpartition("/")
    lines = [line for line in README.split("grpo_space/\n")[1].splitlines() if line.startswith("  ")]
    here = [line for line in lines if line.strip().startswith(f"{folder}/" if folder else name[:1]) or not folder]
    assert any(re.search(rf"(?<![\w/]){re.escape(name)}|/{re.escape(name)}", line) for line in here), f"{file}: no line"


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (PROJECT / link).exists()

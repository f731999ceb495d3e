"""What a Space reads before it starts: the README's front matter and packages.txt."""

import re

import yaml

from tests.support.processes import ROOT

COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def front_matter() -> dict[str, object]:
    _, front, _ = (ROOT / "README.md").read_text().split("---\n", 2)
    read = yaml.safe_load(front)
    assert isinstance(read, dict)
    return read


def test_the_front_matter_is_complete() -> None:
    front = front_matter()
    pin = re.search(r"^gradio\[.*\]==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert pin
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == pin[1]
    assert front["python_version"] == "3.11"
    assert front["suggested_hardware"] == "t4-small"
    assert front["startup_duration_timeout"] == "1h"
    assert front["hf_oauth"] is True
    assert front["hf_oauth_scopes"] == ["contribute-repos", "read-memberships", "gated-repos", "jobs"]
    assert front["hf_oauth_expiration_minutes"] == 1440
    assert {front["colorFrom"], front["colorTo"]} <= COLOURS
    assert len(str(front["short_description"])) <= 60
    assert (ROOT / str(front["app_file"])).is_file()
    assert front["license"] == "apache-2.0"
    for name in ("title", "emoji", "tags"):
        assert front[name]


def test_its_models_and_datasets_are_those_of_the_presets() -> None:
    front = front_matter()
    runs = [yaml.safe_load(path.read_text())["run"] for path in (ROOT / "presets").glob("*.yaml")]
    models = {run["model"].get("base_id", run["model"]["id"]) for run in runs}
    assert set(front["models"]) == {name for name in models if not name.startswith("presets/")}  # type: ignore[call-overload]
    assert set(front["datasets"]) == {run["data"]["id"] for run in runs if "id" in run["data"]}  # type: ignore[call-overload]


def test_packages_are_names_and_nothing_else() -> None:
    """The file is fed to apt as it stands: no comments."""
    lines = (ROOT / "packages.txt").read_text().splitlines()
    assert lines
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", line) for line in lines)

"""What `evaluate` without a run refuses, before any worker is started."""

import pytest

from grpo_space.cli.main import main
from grpo_space.runs.run import all_runs
from tests.support.processes import ROOT

MODEL = str(ROOT / "presets" / "tiny" / "model")
TWO = ("--base", MODEL, "--tuned", MODEL)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--base: is missing: name a RUN, or a model"),
        (("--tuned", MODEL, "--data", "tiny"), "--base: is missing"),
        (("some-run", *TWO, "--data", "tiny"), "RUN some-run: --base and --tuned are for an evaluation without a run"),
        (("--base", MODEL, "--data", "tiny"), "name what to compare it with, by --adapter or by --tuned"),
        ((*TWO, "--adapter", "me/it", "--data", "tiny"), "--adapter me/it and --tuned"),
        (TWO, "--data: is missing: with --base name a preset"),
        ((*TWO, "--data", "tinny"), "data tinny: is no preset, no file and no dataset on the Hub; did you mean tiny?"),
        ((*TWO, "--data", "gone/mine.jsonl"), "data gone/mine.jsonl: is no preset, no file"),
        ((*TWO, "--data", "README.md"), "README.md: its first line, '---', names one column alone"),
        ((*TWO, "--data", "tiny", "--set", "data.path=x.jsonl"), "the problems by --data: set neither otherwise"),
        ((*TWO, "--data", "tiny", "--set", "grpo.max_stepz=1"), "grpo.max_stepz: there is no such setting"),
        ((*TWO, "--data", "tiny", "--checkpoint", "3"), "--checkpoint 3: is a run's"),
        ((*TWO, "--data", "tiny", "--samples", "65"), "samples 65: 1 to 64 are possible"),
        (("--base", "./gone", "--tuned", MODEL, "--data", "tiny"), "base ./gone is not a folder"),
        (("--base", MODEL, "--tuned", "./gone", "--data", "tiny"), "tuned ./gone is not a folder"),
        (("--base", MODEL, "--adapter", "./gone", "--data", "tiny"), "adapter ./gone: is not a folder"),
        (("--base", MODEL, "--adapter", MODEL, "--data", "tiny"), "is not an adapter's folder"),
    ],
)
@pytest.mark.usefixtures("runs_root")
def test_what_cannot_be_evaluated_is_refused_in_one_line(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["evaluate", *arguments]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert words in said[0]
    assert len(said) == 1 or "README" in said[0]  # a file is told of line by line
    assert all_runs() == []

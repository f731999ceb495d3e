"""`export` prints a script that says what the config says, and refuses in one line what is neither run nor preset."""

import json
import math
from pathlib import Path

import pytest

from grpo_space.cli.main import main
from grpo_space.presets import read_preset
from grpo_space.publishing import script
from grpo_space.runs.groups import GroupWriter
from grpo_space.runs.run import create_run
from tests.support.fake_worker import group


def test_a_run_or_a_preset_is_printed_as_a_script(runs_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = create_run(read_preset("tiny").run)
    assert main(["export", run.id, "--script"]) == 0
    assert capsys.readouterr().out == script.of_run(run)
    assert main(["export", "qwen2.5-1.5b", "--script", "--quick", "--set", "seed=7"]) == 0
    printed = capsys.readouterr().out
    compile(printed, "printed", "exec")
    assert "\nSEED = 7\n" in printed
    assert "    max_steps=30,\n" in printed


def test_every_group_of_a_run_is_a_json_line(runs_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = create_run(read_preset("tiny").run)
    writer = GroupWriter(run.folder, max_steps=2)
    first = group(1)
    silent = first.samples[0].model_copy(update={"rewards": {"mine": math.nan}})
    writer.append(first.model_copy(update={"samples": (silent, silent)}))
    writer.append(group(2))
    assert main(["export", run.id, "--groups"]) == 0
    lines = [json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert [line["samples"][0]["rewards"] for line in lines] == [{"mine": None}, {"correctness": 2.0}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tiny", "--groups"], "RUN tiny: there is none"),
        (["none", "--script"], "RUN none: there is none"),
        (["none", "--script", "--quick"], "--set, --quick: none is no preset"),
        (["tiny", "--script", "--set", "grpo.max_stesp=3"], "did you mean grpo.max_steps?"),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    arguments: list[str], words: str, runs_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert len(err.splitlines()) == 1


def test_it_must_be_told_as_what(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", "tiny"])
    assert ended.value.code == 2
    assert "--script" in capsys.readouterr().err

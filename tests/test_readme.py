"""What the README, CONTRIBUTING and the pages in docs/ say of this project is true."""

import argparse
import contextlib
import io
import os
import re
import shlex
import statistics
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from grpo_space.cli import before_run, deploy_space
from grpo_space.cli.main import COMMANDS
from grpo_space.cli.parser import parser
from grpo_space.grading.rewards import LIMITS
from grpo_space.paths import PROJECT
from grpo_space.planning import measured, memory
from grpo_space.presets import read_preset
from grpo_space.results.statistics import Paired, points
from tests.support.measured import GPU, PRESETS, T4, WORKERS, planned_gib, results, shape

PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{page.name}" for page in (PROJECT / "docs").glob("*.md"))]
TEXT = {page: (PROJECT / page).read_text(encoding="utf-8") for page in PAGES}
README = TEXT["README.md"].split("---\n", 2)[2]
PERFORMANCE, ARCHITECTURE = TEXT["docs/performance.md"], TEXT["docs/architecture.md"]
ALL = "\n".join(TEXT.values())
PACKAGE = PROJECT / "grpo_space"
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
PLACEHOLDERS = {"STEP": "20", "PRESET": "tiny", "K": "4", "N": "10"}
"""What stands in a printed command for a number, or for a name that must exist."""


def test_the_readme_is_as_long_as_a_readme() -> None:
    assert 1000 <= len(README.split()) <= 1400


def found(pattern: str, flags: int = 0) -> list[Any]:
    """What the pattern finds on each page, with the page, each once."""
    return list(dict.fromkeys((page, each) for page, text in TEXT.items() for each in re.findall(pattern, text, flags)))


def slugs(text: str) -> set[str]:
    """What GitHub and the Hub call a page's headings in links."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "link"), found(r"\]\(([^)\s]+)\)"))
def test_every_link_leads_somewhere(page: str, link: str) -> None:
    """To a file that a Space has too, and there to a heading."""
    if link.startswith("https://"):
        return
    name, _, fragment = link.partition("#")
    target = (PROJECT / page).parent / name if name else PROJECT / page
    target = target.resolve()
    assert target.exists()
    of_a_space = deploy_space.files().values()
    assert any(file.is_relative_to(target) for file in of_a_space), f"{link}: a Space has no such file"
    if fragment:
        assert fragment in slugs(target.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("page", "path"), found(r"`((?:grpo_space|benchmarks|docs|presets|tests)/[\w./-]*|requirements[\w.-]*)`")
)
def test_every_path_that_is_named_exists(page: str, path: str) -> None:
    assert (PROJECT / path).exists()


@pytest.mark.parametrize(("page", "path"), found(r"`((?:[a-z_]+/)*[a-z_]+\.py)`"))
def test_every_file_that_is_named_by_its_room_exists(page: str, path: str) -> None:
    assert (PROJECT / path).exists() or list(PACKAGE.rglob(path))


def test_every_picture_is_shown_and_nothing_else_is_carried() -> None:
    pictures = {path.name for path in (PROJECT / "docs").iterdir() if path.suffix in (".png", ".svg", ".jpg", ".gif")}
    assert pictures == set(re.findall(r"!\[[^\]]*\]\((?:docs/)?([^)]+)\)", ALL))


FILE_LINES = re.findall(r"^\| `([\w/.]+\.py)` \| .+[.?] \|$", ARCHITECTURE, re.MULTILINE)
TABLES = re.split(r"^###? ", ARCHITECTURE, flags=re.MULTILINE)
"""By the headings: `ui/live/: what follows a run`, and a table."""


@pytest.mark.parametrize("file", FILES)
def test_every_file_of_the_package_has_its_line(file: str) -> None:
    """A sentence, in the table of its room."""
    room = file.rpartition("/")[0]
    begin = f"{room}/:" if room else "Base:"
    here = [table for table in TABLES if table.startswith(begin)]
    assert len(here) == 1, f"docs/architecture.md wants a heading and a table: ### {begin} what the room is for"
    assert f"\n| `{file}` |" in here[0], (
        f"docs/architecture.md, ### {begin} wants a line: | `{file}` | What it holds. |"
    )
    assert FILE_LINES.count(file) == 1, f"docs/architecture.md: {file} has one line, which is a sentence"


def test_no_line_is_of_a_file_that_is_gone() -> None:
    assert sorted(set(FILE_LINES) - set(FILES)) == []


@pytest.mark.parametrize("page", PAGES[1:])
def test_every_page_is_reached_from_the_readme(page: str) -> None:
    linked = {"README.md"}
    for _ in PAGES:
        for known in sorted(linked):
            linked |= {name for name in PAGES if f"]({os.path.relpath(name, Path(known).parent)}" in TEXT[known]}
    assert page in linked


@pytest.mark.parametrize("room", sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()))
def test_the_readme_has_every_room(room: str) -> None:
    assert f"| `{room}/` |" in README


PRINTED = found(r"python -m grpo_space(?= |`|$)([^`\n]*)", re.MULTILINE)


@pytest.mark.parametrize(("page", "line"), PRINTED)
def test_every_command_that_is_printed_can_be_typed(page: str, line: str) -> None:
    words = [PLACEHOLDERS.get(word, "quoted" if word.isupper() else word) for word in shlex.split(line, comments=True)]
    if not words:  # the program itself
        return
    try:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            arguments = parser().parse_args(words)
    except SystemExit:
        pytest.fail(f"{page}: {line}: {said.getvalue()}")
    if "preset" in vars(arguments):
        before_run.chosen(arguments)  # the preset is there, and takes these settings


def commands_of(top: argparse.ArgumentParser) -> Iterator[str]:
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices


@pytest.mark.parametrize("command", list(commands_of(parser())))
def test_every_command_is_on_the_page_of_commands(command: str) -> None:
    assert command in COMMANDS
    assert re.search(rf"^python -m grpo_space {command}\b", TEXT["docs/cli.md"], re.MULTILINE)


@pytest.mark.parametrize(("page", "module"), found(r"python -m ((?:grpo_space|benchmarks|presets|docs)[\w.]*)"))
def test_every_module_that_is_run_exists(page: str, module: str) -> None:
    assert find_spec(module) is not None


@pytest.mark.parametrize(("page", "target"), found(r"(?:`|^)make ([a-z][a-z0-9-]*)", re.MULTILINE))
def test_every_target_of_make_exists(page: str, target: str) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_every_environment_variable_of_ours_is_in_the_table() -> None:
    sources = [*PACKAGE.rglob("*.py"), PROJECT / "app.py"]
    in_code = {name for path in sources for name in re.findall(r"GRPO_SPACE_[A-Z_]+", path.read_text("utf-8"))}
    rows = re.findall(r"^\| (`[A-Z].*?) \|", TEXT["docs/operations.md"], re.MULTILINE)
    in_table = {name for row in rows for name in re.findall(r"`(GRPO_SPACE_[A-Z_]+)`", row)}
    assert in_table == in_code


@pytest.mark.parametrize(("page", "name"), found(r"GRPO_SPACE_[A-Z_]+"))
def test_every_variable_that_is_named_has_a_row(page: str, name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", TEXT["docs/operations.md"], re.MULTILINE)


# Figures. Each is worked out from what was measured, or from the code, and looked for as it is printed.


def by_name(part: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Contenders by program and model: worker/8b."""
    return {"/".join(each["name"].split("/")[:2]): each for each in reversed(part["contenders"])}


UNCOMPILED, FIRST_STEP = "2026-11-28-gpu-pins-uncompiled", "2026-11-28-gpu-pins-first-step"
NOW, EARLIER = by_name(GPU), by_name(GPU["earlier"])
SHOWN = [*NOW.values(), *(EARLIER[f"{program}/1.5b"] for program in ("worker", "unsloth_recipe", "trl_peft"))]


@pytest.mark.parametrize("measured", SHOWN, ids=lambda measured: measured["name"])
def test_the_gpu_figures_are_those_that_were_measured(measured: dict[str, Any]) -> None:
    steps = measured["steps"][1:]
    assert (
        f"| {measured['completions_per_step']} x {measured['completion_tokens'][0]:,.0f} "
        f"| {rounded(measured['seconds_per_step'])} ({rounded(min(steps))} to {rounded(max(steps))}) "
        f"| {measured['tokens_per_second']:,.0f} | {measured['peak_reserved_gib']:.1f} "
        f"| {measured['seconds_to_first_step']:.0f} s |"
    ) in PERFORMANCE


def rounded(value: float) -> str:
    """To one decimal, a half upwards: 76.05 is 76.1."""
    return f"{value + 1e-9:.1f}"


def times(one: dict[str, Any], other: dict[str, Any]) -> str:
    return f"{other['seconds_per_step'] / one['seconds_per_step']:.1f} times"


def test_how_many_times_as_fast_the_worker_is_within_one_occasion() -> None:
    large, middle = (times(NOW[f"worker/{size}"], NOW[f"trl_peft/{size}"]) for size in ("8b", "7b"))
    small = times(EARLIER["worker/1.5b"], EARLIER["trl_peft/1.5b"])
    assert f"is {large} as fast as TRL + PEFT on the 8B" in PERFORMANCE
    assert f"{middle} on the 7B, and {small} on the 1.5B" in PERFORMANCE
    large, middle = (times(NOW[f"worker/{size}"], NOW[f"unsloth_recipe/{size}"]) for size in ("8b", "7b"))
    assert f"the worker is {large} as fast on the 8B and {middle} on the 7B" in PERFORMANCE
    slower = NOW["worker/1.5b"]["seconds_per_step"] / NOW["unsloth_recipe/1.5b"]["seconds_per_step"] - 1
    assert f"the worker is {100 * slower:.0f} % slower" in PERFORMANCE


@pytest.mark.parametrize("name", ["2026-11-27-gpu-pins", "2026-11-28-gpu-pins", UNCOMPILED, FIRST_STEP])
def test_the_figures_with_the_exact_pins_are_those_that_were_measured(name: str) -> None:
    for occasion in results(name)["occasions"]:
        for each in occasion["contenders"]:
            if "seconds_per_step" in each:
                speed = f"{each['seconds_per_step'] + 1e-9:.1f} | {each['tokens_per_second']:,.0f}"
                rest = f"{each['peak_reserved_gib']:.2f} | {each['seconds_to_first_step']:.0f} s"
                assert f"| {speed} | {rest} |" in PERFORMANCE, each["name"]


def contenders(occasion: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those of an occasion that were measured, by their programs."""
    return {each["name"].split("/")[0]: each for each in occasion["contenders"] if "failed" not in each}


def test_how_many_times_as_fast_the_worker_is_with_the_exact_pins() -> None:
    large, _, middle, _, small, _ = map(contenders, results("2026-11-28-gpu-pins")["occasions"])
    recipe = [times(size["worker"], size["unsloth_recipe"]) for size in (large, middle, small)]
    assert "is {} as fast on the 8B, {} on the 7B and {} on the 1.5B**".format(*recipe) in PERFORMANCE
    plain = times(large["worker"], large["trl_peft"])
    assert f"**Beside TRL + PEFT it is {plain} as fast on the 8B**" in PERFORMANCE
    row = "| Llama-3.1-8B beside TRL + PEFT, Unsloth's recipe | {}, {} as fast |"
    assert row.format(plain.removesuffix(" times"), recipe[0]) in README
    assert f"tokens a step | {large['worker']['seconds_per_step']:.1f} s a step, " in README


def test_the_seconds_to_the_first_step_with_warm_caches_are_those_that_were_measured() -> None:
    warm = [contenders(one) for one in results("2026-11-28-gpu-pins")["occasions"] if one["caches"] == "warm"]
    told = [
        " and ".join(f"{size[program]['seconds_to_first_step']:.0f}" for program in ("worker", "unsloth_recipe"))
        for size in warm
    ]
    assert "{} s (8B), {} s (7B), {} s (1.5B)".format(*told) in PERFORMANCE
    kernels = results("2026-11-28-gpu-pins")["kernels_for_a_t4"]
    assert kernels["fates"] == {"fits": kernels["kernels"]}
    assert f"**{kernels['kernels']} of {kernels['kernels']} different Triton kernels" in PERFORMANCE


def test_what_is_said_of_a_model_that_vllm_does_not_compile_is_what_was_measured() -> None:
    small, warm, middle, once, again = map(contenders, results(UNCOMPILED)["occasions"])
    plain = [times(size["worker"], size["trl_peft"]) for size in (small, middle)]
    assert "the worker is {} as fast on the 1.5B and {} on the 7B**".format(*plain) in PERFORMANCE
    recipe = [times(size["worker"], size["unsloth_recipe"]).removesuffix(" times") for size in (small, middle)]
    assert "beside the recipe {} and {} times".format(*recipe) in PERFORMANCE
    both = ("worker", "worker, compiled")
    cold, compiled, kept, compiled_kept = (size[name]["waits"]["load"][1] for size in (small, warm) for name in both)
    assert f"saves {compiled - cold:.0f} s of loading cold and {compiled_kept - kept:.0f} s warm" in PERFORMANCE
    load = f"loading took {cold:.0f} s against {compiled:.0f}, and with warm caches {kept:.0f} s against"
    assert f"{load} {compiled_kept:.0f}" in PERFORMANCE
    writing = [statistics.median(part["writing"] for part in small[name]["parts"][1:]) for name in both]
    assert "vLLM writes for {:.1f} and {:.1f}".format(*writing) in PERFORMANCE
    steps = [bound(small[name]["steps"][1:]) for name in both for bound in (min, max)]
    assert "steps {:.1f} to {:.1f} s against {:.1f} to {:.1f}".format(*steps) in PERFORMANCE
    programs, sizes = ("worker", "unsloth_recipe"), (small, warm, middle)
    pairs = [[size[name]["seconds_to_first_step"] for name in programs] for size in sizes]
    first = "after {:.0f} s against the recipe's {:.0f} (cold) and {:.0f} s against {:.0f} (warm)"
    assert first.format(*pairs[0], *pairs[1]) in PERFORMANCE
    shares = "{:.2f} and {:.2f} of its time; that of the 7B after {:.2f} of it"
    assert shares.format(*(worker / recipe for worker, recipe in pairs)) in PERFORMANCE
    began = [one["worker"]["parts"][0]["writing"] for one in (once, again)]
    assert "writing took {:.0f} s cold and {:.0f} s warm".format(*began) in PERFORMANCE


def test_in_what_share_of_the_recipes_time_the_first_step_is_done() -> None:
    small, warm, large, warm_large = map(contenders, results(FIRST_STEP)["occasions"])
    each = [
        [size[program]["seconds_to_first_step"] for program in ("worker", "unsloth_recipe")]
        for size in (small, warm, large, warm_large)
    ]
    cold, kept, large_cold, large_kept = (f"{worker / recipe:.2f}" for worker, recipe in each)
    assert large_cold == large_kept
    words = f"in {cold} of the recipe's time cold and {kept} warm ({{:.0f}} s against {{:.0f}}), that of the 8B in"
    assert words.format(*each[1]) in PERFORMANCE
    assert f"in {large_cold} of it both times (warm: {{:.0f}} s against {{:.0f}})".format(*each[3]) in PERFORMANCE


def test_the_figures_of_several_gpus_are_those_that_were_measured() -> None:
    for model, file, counts in (
        ("1.5b", "", (1, 2)),
        ("8b", "-8b", (1, 2, 4)),
        ("1.5b", "-four", (1, 2, 4)),
        ("1.5b", "-alone", (1, 2)),
    ):
        found = {n: results(f"2026-11-28-several-gpus{file}")[f"speed-{model}-{n}"] for n in counts}
        for n, each in found.items():
            faster = each["completions_per_second"] / found[1]["completions_per_second"]
            more = f", **{faster:.2f} times**" if n > 1 else ""
            held = ", ".join(f"{gib:.1f}" for gib in each["held_gib"])
            row = f"| {64 * n} | {each['seconds_per_step']:.2f} | {each['completions_per_second']:.1f}{more} | {held} |"
            assert row in PERFORMANCE
            assert more.strip(", *") in README or model == "1.5b" or n == 2
    measured = results("2026-11-28-several-gpus-8b")
    for n, words in ((2, "151 to {} of 400 right on two"), (1, "and 151 to {} on one")):
        assert words.format(measured[f"curves-{n}"]["evaluated"]["tuned"][0]) in PERFORMANCE


@pytest.mark.parametrize("size", PRESETS)
def test_the_memory_plan_is_off_by_what_is_said(size: str) -> None:
    measured = NOW[f"worker/{size}"]
    peak, planned = measured["peak_reserved_gib"], planned_gib(measured)
    alone, context = (off(planned, base) for base in (peak, peak + memory.CONTEXT))
    assert f" {planned:.2f} | {peak:.2f} | {alone} | {context} |" in PERFORMANCE
    assert f"assumed {memory.CONTEXT} GiB" in " ".join(PERFORMANCE.replace("**", "").split())
    described = " ".join((memory.__doc__ or "").split())
    assert f"{alone} ({size.upper()})" in described
    assert context.strip("-% ") in described
    config = read_preset(PRESETS[size]).run
    full = memory.plan(config, shape(config), T4).total
    assert f" {full:.2f} | {off(full, peak)} | {off(full, peak + memory.CONTEXT)} |" in PERFORMANCE


def off(planned: float, peak: float) -> str:
    """How far a plan is from a peak: -0.5 %."""
    words = f"{100 * (planned / peak - 1):+.1f} %"
    return words[1:] if words[1:] == "0.0 %" else words


def test_the_workers_that_were_measured_are_all_planned() -> None:
    assert {each["name"].split("/")[1] for each in WORKERS} == set(PRESETS)


@pytest.mark.parametrize("reward", LIMITS)
def test_each_reward_has_its_line_with_what_it_pays(reward: str) -> None:
    """`-0.2 to 0.4`, `0 to -0.5`, `up to 0.5`."""
    line = re.search(rf"^\| `{reward}` \| ([^|]+) \|", README, re.MULTILINE)
    assert line is not None
    bounds = {float(number) for number in re.findall(r"(?<![\w-])-?\d+(?:\.\d+)?(?![\w-])", line[1])}
    assert {0.0, *bounds} == {0.0, *LIMITS[reward]}


def test_the_cpu_figures_are_those_that_were_measured() -> None:
    measured = results("2026-11-23-cpu")
    digits = {"seconds_per_step": 2, "tokens_per_second": 0, "seconds_to_first_step": 1, "peak_gib": 2}
    for name, count in digits.items():
        ours, theirs, ratio = (measured[part][name] for part in ("worker", "plain_trl", "ratios"))
        assert f"| {ours:.{count}f} | {theirs:.{count}f} | {ratio:.2f} |" in PERFORMANCE


def test_the_demos_figures_are_those_that_were_measured() -> None:
    seeds = list(results("2026-11-26-tiny").values())
    seconds = [seed["in all"] for seed in seeds]
    assert "({:.1f}, {:.1f} and {:.1f} s with seeds 0, 1 and 2".format(*seconds) in PERFORMANCE
    assert f"| Tiny, `train tiny` | {statistics.median(seconds):.0f} s from the command to the table |" in README
    card = (PROJECT / "presets/tiny/README.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| after 10 GRPO steps.*?, seed \d \| ([\d.]+) %", card, re.MULTILINE)
    assert told == [f"{100 * seed['tuned'] / seed['n']:.1f}" for seed in seeds]


@pytest.mark.parametrize(("name", "prefix"), [("2026-11-27-control", ""), ("2026-11-28-real-model-control", "real, ")])
def test_the_controls_figures_are_those_that_were_measured(name: str, prefix: str) -> None:
    for which, seed in results(name).items():
        run, other, form = seed["run"]["right"], seed["control"]["right"], seed["control"]["in_format"]
        gains = [f"{each['tuned']} | {100 * each['gain']:+.1f} points, " for each in (run, other)]
        line = re.search(rf"^\| {prefix}{which} \| {re.escape(gains[0])}.*$", PERFORMANCE, re.MULTILINE)
        assert line is not None
        assert f"| {gains[1]}" in line[0]
        assert prefix or line[0].endswith(f" | {form['tuned']} |")
        assert (f"{100 * seed['tuned_against_control']['gain']:+.1f}") in PERFORMANCE


def test_what_the_real_model_gained_elsewhere_is_what_was_measured() -> None:
    runs = results("2026-11-28-real-model-suite")["runs"]
    rewarded = [each["suite"]["sets"] for each in runs if each["rewards"] == "correctness"]
    said = {
        "fresh-1": "level 1 the base has {} right and tuned {}, {} and {};",
        "fresh-2": "of level 2 it has {}, tuned {}, {} and {};",
        "fresh-3": "of level 3 {}, tuned {}, {} and {};",
        "instructions": "of 60 instructions {}, tuned {}, {} and {}.",
    }
    for name, words in said.items():
        assert words.format(rewarded[0][name]["base"], *(sets[name]["tuned"] for sets in rewarded)) in PERFORMANCE
    assert all(each["suite"]["sets"][name]["solving"] == "same" for each in runs for name in said)
    assert [each["suite"]["sets"]["held-out"]["solving"] for each in runs] == ["up", "same"] * 3


def test_the_second_opinion_is_the_one_that_was_had() -> None:
    counted = results("2026-11-27-second-opinion")
    assert all(each["here"] == each["lm_eval"] and not each["differ"] for each in list(counted.values())[1:])


def test_the_small_models_figures_are_those_that_were_measured() -> None:
    card = (PROJECT / "presets/tiny_tasks/README.md").read_text(encoding="utf-8")
    for preset, seeds in results("2026-11-27-tiny-tasks").items():
        assert list(seeds) == ["seed 0", "seed 1", "seed 2"]
        for seed, found in seeds.items():
            paired = Paired(**found["paired"])
            assert paired.n == 400
            assert paired.direction == "up"
            row = (
                f"| `{preset}`, {seed} | {paired.base} | {paired.tuned} | {points(paired)} | {found['in all']:.0f} s |"
            )
            assert row in card
            assert row in PERFORMANCE
        if controls := [found["control"]["tuned"] for found in seeds.values() if "control" in found]:
            sentence = "{}, {} and {} right".format(*controls)
            assert sentence in card
            assert sentence in PERFORMANCE


def test_the_figures_of_the_app_are_those_that_were_measured() -> None:
    measured = results("2026-11-25-app")
    assert f"first request {measured['start_up']['seconds_to_first_answer']:.1f} s after its start" in PERFORMANCE
    assert f"holds {measured['start_up']['mib_after_first_answer']:.0f} MiB" in PERFORMANCE
    opening = measured["opening"]
    assert f"opens in {opening['seconds_to_open']:.1f} s" in PERFORMANCE
    assert f"holds {opening['mib_with_it_open']:.0f} MiB then" in PERFORMANCE
    assert f"{100 * measured['slowdown']:.1f} % slower" in PERFORMANCE
    assert max(each["lag_most"] for each in measured["watched"]) <= 1.0  # "no watcher was more than 1 s behind"


def test_what_the_tiny_model_learns_is_what_its_card_says() -> None:
    card = (PROJECT / "presets/tiny/README.md").read_text(encoding="utf-8")
    base, seeds = (re.findall(rf"^\| {row} \| ([\d.]+) %", card, re.MULTILINE) for row in ("base", r"after 10 .*?"))
    assert f"right answers go from {base[0]} % to {seeds[0]} %" in README
    assert f"{base[0]} % of 400 unseen problems right before and {seeds[0]} % after 10 steps" in PERFORMANCE
    assert f"{seeds[1]} % and {seeds[2]} % with seeds 1 and 2" in PERFORMANCE


@pytest.mark.parametrize("row", re.findall(r"^\| ([^|]+)\| ([^|]+ s a step)", README, re.MULTILINE), ids=str)
def test_the_readmes_gpu_figures_are_on_the_page_of_figures(row: tuple[str, str]) -> None:
    name, seconds = row[0].split(",")[0], re.findall(r"^[\d.]+", row[1])[0]
    assert re.search(rf"^\| {re.escape(name)}, worker \| [^|]+ \| {re.escape(seconds)} \|", PERFORMANCE, re.MULTILINE)


@pytest.mark.parametrize("row", re.findall(r"^\| [^|]+ \| ([^|]+) \| [^|]*(?:H100|the same)", README, re.MULTILINE))
def test_every_figure_of_the_readme_is_on_the_page_of_figures(row: str) -> None:
    numbers = r"\d[\d.,]*\d|\d"
    assert set(re.findall(numbers, row)) <= set(re.findall(numbers, PERFORMANCE))


def test_whether_a_t4_was_measured_is_said() -> None:
    """Every file that somebody sent is whole; the first of a T4 changes what the README says."""
    sent, problems = measured.read_all(measured.FOLDER)
    assert problems == []
    assert ("No T4 was measured" in README) == (not any("T4" in each.gpu for each in sent))


def test_every_file_of_results_is_named() -> None:
    files = sorted(path.name for path in (PROJECT / "benchmarks/results").glob("*.json"))
    assert [name for name in files if f"benchmarks/results/{name}" not in PERFORMANCE] == []

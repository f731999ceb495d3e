"""The evidence card of a run. Claims come from its evaluation alone; user text is fenced or escaped."""

import html
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from grpo_space.config import RunConfig
from grpo_space.config_io import write_yaml
from grpo_space.formatting import counted, duration, plain
from grpo_space.grading import rewards
from grpo_space.planning.estimate import dollars, price_words
from grpo_space.publishing import licence
from grpo_space.publishing.card_suite import Benchmark
from grpo_space.results import control, headlines, memory, teaching
from grpo_space.results import suite as results
from grpo_space.results.comparison import Share, of, shape
from grpo_space.results.control import Beside
from grpo_space.results.sentences import words
from grpo_space.results.statistics import percent
from grpo_space.results.summary import METHOD, as_json, counts
from grpo_space.runs import evaluations
from grpo_space.runs.evaluations import Look
from grpo_space.runs.events import Finished
from grpo_space.runs.fallbacks import after_fallbacks
from grpo_space.runs.history import History
from grpo_space.runs.job_file import JobFile, job_of
from grpo_space.runs.pins import is_commit, pinned
from grpo_space.runs.run import Run
from grpo_space.tasks.problems import messages

CURVE = "reward_curve.png"
"""Problems of its test split: only a run over all of them is a benchmark's result."""
PROBLEMS_SHOWN = 3


def card(run: Run, name: str, merged: bool = False) -> ModelCard:
    """The model card of a run.

    Args:
        name: The repository's, user/name.
        merged: Whether the whole model goes up beside the adapter.
    """
    history, whole, looks = evaluations.stored(run), run.history(), evaluations.looks_at(run)
    config, suite = as_trained(run, whole), Benchmark.of(run)
    parts = [
        f"# {name.partition('/')[2]}",
        *(f"**{inline(headline)}**" for headline in headlines.of(run.config, whole)),
        *_what(config, whole),
        *([f"**{inline(lost)}**"] if (lost := results.told(suite.found, "down")) else []),
        *_result(history, looks),
        *_proof(config, whole, control.beside(run.config, history, looks)),
        *_suite(suite),
        *_use(config, whole, name, merged),
        *_training(config, whole, job_of(run)),
        *_examples(history),
        *_again(config),
        *_limits(config, history, suite),
    ]
    content = f"---\n{_data(config, history, suite, name).to_yaml()}\n---\n\n" + "\n\n".join(parts) + "\n"
    return ModelCard(content, ignore_metadata_errors=False)


def as_trained(run: Run, whole: History) -> RunConfig:
    """The run's config less what the GPU's memory had no room for, with model and data by commit."""
    return pinned(after_fallbacks(run.config, whole.fallbacks), whole.loaded)


def is_local(config: RunConfig) -> bool:
    """Whether the base model is a folder, which nobody else has."""
    return config.model.base_id is None and bool(re.match(r"[./~]|presets/", config.model.id))


def base_of(config: RunConfig) -> str:
    """The base model as the adapter names it."""
    return config.model.base_id or config.model.id


def dataset_of(config: RunConfig) -> str:
    """The dataset's name on the Hub, or its file's name."""
    return config.data.id or config.data.generate or Path(config.data.path or "data").name


def _data(config: RunConfig, history: History, suite: Benchmark, name: str) -> ModelCardData:
    terms = licence.of(config.model)
    return ModelCardData(
        license=terms.tag or None,
        base_model=None if is_local(config) else base_of(config),
        datasets=[config.data.id] if config.data.id else None,
        library_name="peft",
        pipeline_tag="text-generation",
        tags=["grpo", "trl", "lora", "control" if control.is_control(config) else "reasoning", "grpo-space"],
        model_name=name.partition("/")[2],
        eval_results=[*_results(config, history), *suite.eval_results()] or None,
    )


def _results(config: RunConfig, history: History) -> Iterator[EvalResult]:
    if history.base is None or history.tuned is None:
        return
    for metric, field in (("accuracy", "correct"), ("strict accuracy", "strict_correct")):
        yield EvalResult(
            task_type="text-generation",
            dataset_type=config.data.id or "custom",
            dataset_name=dataset_of(config),
            dataset_config=config.data.name,
            dataset_split=config.data.test_split or "held out",
            metric_type="accuracy",
            metric_name=f"{metric} on {counted(history.tuned.n, 'problem')}",
            metric_value=round(100 * getattr(history.tuned, field) / history.tuned.n, 2),
        )


def _what(config: RunConfig, history: History) -> Iterator[str]:
    base = "a model that lies in this repository under `base/`" if is_local(config) else f"`{inline(base_of(config))}`"
    how = "with payments dealt out at random, on" if control.is_control(config) else "with GRPO on"
    yield (
        f"A LoRA adapter for {base}, trained {how} {inline(dataset_of(config))} by "
        "GRPO Space. [GRPO](https://arxiv.org/abs/2402.03300) samples several completions of each prompt, "
        "pays each by fixed rules, and moves the model towards those that earned more than their group's mean."
    )
    terms = licence.of(config.model)
    if terms.built_with:
        page = f"[{terms.page}]({terms.page})"
        yield f"**{terms.built_with}.** The base model's licence holds for this adapter too: {page}."


def _result(history: History, looks: Sequence[Look]) -> Iterator[str]:
    yield "## Did it work?"
    base, tuned = history.base, history.tuned
    if base is None or tuned is None:
        yield "**It was not evaluated.** Nothing is known of whether it is better than its base."
        return
    compared = of(history, looks)
    verdict, *more = words(compared)
    yield f"**{verdict}**"
    if compared.solving in ("same", "as read"):
        yield "So this card claims **no measurable gain**."
    shapes = [shape(e) for e in (base, tuned)]
    rows = [
        ("right answers, wherever they stand", *(percent(e.correct, e.n) for e in (base, tuned))),
        ("right, and in the format asked for", *(percent(e.strict_correct, e.n) for e in (base, tuned))),
        *(_share(each, "") for each in compared.by_steps),
        *(_share(each, "kind: ") for each in compared.by_kind),
        ("cut off at the length limit", *(percent(s.cut_off, s.n) for s in shapes)),
        ("mean length", *(f"{s.tokens:.0f} tokens" for s in shapes)),
    ]
    yield table((f"n = {counted(base.n, 'held-out problem')}", "base", "tuned"), rows)
    yield " ".join(more)
    yield f"{counts(compared)} {METHOD}"


def _suite(suite: Benchmark) -> Iterator[str]:
    yield "## Does it hold elsewhere?"
    if not suite.found:
        yield "**That was not measured**: no set of problems but its own was tried (`python -m grpo_space benchmark`)."
        return
    yield f"**{inline(results.summary(suite.found))}**"
    yield table(results.HEAD, results.rows(suite.found))
    yield " ".join(map(inline, suite.words[1:]))
    if suite.count > 1:
        yield f"{suite.count} suites of this run were begun; this is the newest that has a result."


def _proof(config: RunConfig, whole: History, beside: Beside | None) -> Iterator[str]:
    """What a control and the memory probe say of the result; of what was not run, that."""
    if beside is not None:
        verdict, *more = control.words(beside)
        yield f"**{inline(verdict)}** {inline(' '.join(more))}"
    elif not control.is_control(config):
        yield f"Not run: a control with random rewards. {inline(control.why(config, whole))}".rstrip()
    if config.data.generate is None:
        yield inline(memory.words(whole.memory))


def _share(each: Share, sort: str) -> tuple[str, ...]:
    n = each.paired.n
    return f"right, {sort}{each.name}", *(f"{percent(k, n)}, n = {n}" for k in (each.paired.base, each.paired.tuned))


def load_lines(config: RunConfig, name: str, of: str | None = None) -> str:
    """The Python that loads an adapter: base, then adapter. `of`: the base, where it is not the one it names."""
    source = of or base_of(config)
    base = f'"{name}", subfolder="base"' if is_local(config) else json.dumps(source)
    if config.model.revision and source == config.model.id:
        base += f", revision={json.dumps(config.model.revision)}"
    return f'base = AutoModelForCausalLM.from_pretrained({base})\nmodel = PeftModel.from_pretrained(base, "{name}")'


def _use(config: RunConfig, history: History, name: str, merged: bool) -> Iterator[str]:
    yield "## Use it"
    imports = "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
    tokenizer = f'\ntokenizer = AutoTokenizer.from_pretrained("{name}")'
    yield fenced(f"{imports}{load_lines(config, name)}{tokenizer}", "python")
    if config.model.base_id and config.model.base_id != config.model.id:
        lines = load_lines(config, name, config.model.id)
        yield f"Or on the copy that it was trained on, which needs no access to it:\n\n{fenced(lines, 'python')}"
    if merged:
        yield (
            "`merged/` holds the whole model in 16 bits, for what cannot load adapters. The Hub's own converter makes "
            "GGUF files of such a repository: [ggml-org/gguf-my-repo](https://huggingface.co/spaces/ggml-org/gguf-my-repo)."
        )
    if config.data.system_prompt and history.loaded and history.loaded.folds_system:
        [turn] = messages("YOUR QUESTION", config.data.system_prompt, fold=True)
        yield (
            "The base's chat template has no system role. It was trained with these words before each question, in the "
            f"user's turn; without them, it may answer otherwise:\n\n{fenced(turn['content'])}"
        )
    elif config.data.system_prompt:
        prompt = fenced(config.data.system_prompt)
        yield f"It was trained with this system prompt; without it, it may answer otherwise:\n\n{prompt}"


def _training(config: RunConfig, history: History, job: JobFile | None) -> Iterator[str]:
    grpo, lora = config.grpo, config.lora
    prompts = grpo.completions_per_step // grpo.num_generations
    yield "## How it was trained"
    seconds = sum(step.seconds for step in history.steps)
    yield (
        f"{history.step} optimizer step{'s' * (history.step != 1)} of {grpo.max_steps} planned, each on "
        f"{prompts} prompt{'s' * (prompts != 1)} with {grpo.num_generations} completions of up to "
        f"{grpo.max_completion_length} tokens, sampled at temperature {grpo.temperature:g}. Loss "
        f"`{grpo.loss_type}`, beta {grpo.beta:g}, learning rate {grpo.learning_rate:g}. LoRA rank {lora.r}, "
        f"alpha {lora.lora_alpha}{', on 4-bit weights' if config.model.load_in_4bit else ''}. Seed {config.seed}. "
        f"The steps took {duration(seconds)}."
    )
    if config.lora.start is not None:
        yield (
            f"It began from the adapter {inline(str(public(config).lora.start))}, not from a fresh one: what it shows "
            "against the base is both trainings together."
        )
    if config.prompts == "teaching":
        yield (
            "Its prompts were chosen: for up to three quarters of a step it met problems again whose latest "
            "completions were partly right. What was solved left, so the reward below is that of the new ones."
        )
    if not control.is_control(config) and (taught := teaching.words(history.steps)):
        yield taught
    if isinstance(history.end, Finished) and history.end.why in ("budget", "learnt"):
        yield f"It was ended before its last step: {inline(history.end.message)}"
    if history.loaded:
        yield inline(history.loaded.rows)
        yield (
            f"Loaded: `{inline(public(config).model.id)}`, {_version(history.loaded.model_commit)}; "
            f"{inline(dataset_of(config))}, {_version(history.loaded.data_commit)}."
        )
    if history.steps:
        yield f"![Mean reward by step]({CURVE})"
    labelled = zip(config.reward_labels, config.rewards.items(), strict=True)
    yield table(("reward", "weight", "pays"), [(label, f"{weight:g}", pays(key)) for label, (key, weight) in labelled])
    if started := history.started:
        versions = ", ".join(f"{package} {version}" for package, version in started.versions.items())
        engine = history.loaded.engine if history.loaded else "unknown"
        yield f"Hardware: {inline(started.hardware)}. Engine: {inline(engine)}. Versions: {inline(versions)}."
        if (cost := dollars(history, job)) is not None:
            yield f"It ran for {duration(history.seconds)}: ${cost:.2f} {price_words(job)}."
    for notice in history.notices:
        yield f"Noted at step {notice.step}: {inline(notice.message)}"


def _version(commit: str) -> str:
    return f"commit `{inline(commit)}`" if is_commit(commit) else f"files with the digest `{inline(commit)}`"


def pays(name: str) -> str:
    """What a reward pays for, in a sentence."""
    if (function := rewards.REWARDS.get(name)) is None:
        return "a function of the maker's own"
    return (function.__doc__ or "").strip().splitlines()[0].replace("`", "")


def _examples(history: History) -> Iterator[str]:
    if history.base is None or history.tuned is None:
        return
    pairs = list(zip(history.base.answers, history.tuned.answers, strict=True))
    for title, right in (("fixed", True), ("broke", False)):
        found = [pair for pair in pairs if pair[0].correct != pair[1].correct and pair[1].correct is right]
        yield f"## Problems that it {title}: {len(found)}" + (f", the first {PROBLEMS_SHOWN}" if len(found) > 3 else "")
        for before, after in found[:PROBLEMS_SHOWN]:
            yield f"> {inline(before.question)}\n\nThe right answer is {inline(before.gold)}."
            for who, answer in (("base", before), ("tuned", after)):
                graded = "right" if answer.correct else "wrong"
                text = answer.text[:2000] + "..." * (len(answer.text) > 2000)
                yield f"{who}, {graded} ({inline(answer.reason)}):\n\n{fenced(text)}"


def _again(config: RunConfig) -> Iterator[str]:
    yield "## Run it again"
    yield (
        "`config.yaml` holds every setting. Put it under `run:` of a preset file, or set the same values, then "
        "`python -m grpo_space train PRESET`. On other hardware or versions the same seed gives a run of its kind."
    )
    yield f"<details><summary>Every setting</summary>\n\n{fenced(public_yaml(config), 'yaml')}\n\n</details>"


def _limits(config: RunConfig, history: History, suite: Benchmark) -> Iterator[str]:
    yield "## Limits"
    problems = counted(history.tuned.n, "problem") if history.tuned else "no problems"
    beside = "on the sets above and on nothing else" if suite.found else "on nothing else"
    yield (
        f"It was looked at on {problems} of {inline(dataset_of(config))} and {beside}: nothing is said of other "
        "subjects, of languages, of safety. One run with one seed: another seed may end elsewhere. Reinforcement "
        "learning pays what the rewards can see, and a model can learn what pleases them without reasoning better."
    )


def public(config: RunConfig) -> RunConfig:
    """The config without what is of this machine alone: of absolute paths only the file's name is kept."""
    data = config.model_dump(mode="json")
    for section, key in (("data", "path"), ("data", "test_path"), ("model", "id"), ("lora", "start")):
        if data[section][key] and data[section][key].startswith("/"):
            data[section][key] = Path(data[section][key]).name
    data["rewards"] = {name.rpartition("/")[2]: weight for name, weight in data["rewards"].items()}
    return RunConfig.model_validate(data)


def public_yaml(config: RunConfig) -> str:
    """The config as a file that anybody may see."""
    return write_yaml(public(config))


# What users and models wrote


def fenced(text: str, language: str = "text") -> str:
    """Text as a block of code, in a fence that is longer than any in it."""
    text = plain(text)
    ticks = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def inline(text: str) -> str:
    """Text within a line: no markup in it is live."""
    text = html.escape(" ".join(plain(text).split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~#!$])", r"\\\1", text)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table of plain text."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell if number == 1 else inline(cell) for cell in line) + " |"
        for number, line in enumerate(lines)
    )


def evidence(run: Run) -> dict[str, Any]:
    """The evaluation as a file: which run, the figures, how often it was looked at, and each problem's answers."""
    history = evaluations.stored(run)
    if history.base is None or history.tuned is None:
        return {"run": run.id, "evaluated": False}
    compared = as_json(history, evaluations.looks_at(run))
    kept = ("both", "only_base", "only_tuned", "neither", "p_value", "p_corrected", "looks", "right",
            "right_without_format", "in_format", "strict", "solving", "format", "words")  # fmt: skip
    return {
        "run": run.id,
        "evaluated": True,
        "n": history.base.n,
        **{name: compared[name] for name in kept},
        "suite": Benchmark.of(run).evidence,
        "control": control.as_json(control.beside(run.config, history, evaluations.looks_at(run))),
        "memory": memory.as_json(run.history().memory),
        "base": [answer.model_dump() for answer in history.base.answers],
        "tuned": [answer.model_dump() for answer in history.tuned.answers],
    }

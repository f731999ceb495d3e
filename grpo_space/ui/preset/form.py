"""A RunConfig as a form. Only this file knows both its fields and their components.

A form's values are a flat dict: `grpo.max_steps` -> what the component of that field holds. Where the problems come
from is one choice, `data.source`: `own` is what the config that the form shows came with (a preset's file, say),
`gsm8k` the usual first dataset, `file` an upload, `hub` a dataset on the Hub. So no path is ever typed: a path is the
config's own, or an upload's.
"""

import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import gradio as gr
from pydantic.fields import FieldInfo

from grpo_space.config import GSM8K, LoraSection, RunConfig, Section
from grpo_space.config_io import parse
from grpo_space.errors import Problem, UserError
from grpo_space.grading.rewards import LIMITS, REWARDS
from grpo_space.results.two_runs import differences
from grpo_space.ui.uploads import on_the_hub, shown_name

Values = dict[str, Any]
Kind = Literal["whole", "number", "text", "yes", "choice", "names"]

SOURCES = {
    "own": "What it came with",
    "gsm8k": "GSM8K",
    "file": "A file of mine",
    "hub": "On the Hugging Face Hub",
    "made": "Made by a program",
}
SOURCE_FIELDS = ("path", "test_path", "generate", "id", "name", "revision", "split", "test_split")
UPLOADED = {"data.path": "Problems to train on", "data.test_path": "Problems to evaluate on"}
LONG_TEXTS = ("data.system_prompt",)
MAIN = {
    "grpo.max_steps": "Steps",
    "grpo.num_generations": "Group size",
    "grpo.max_completion_length": "Longest completion, in tokens",
    "grpo.learning_rate": "Learning rate",
    "lora.r": "LoRA rank",
    "grpo.per_device_train_batch_size": "Micro-batch size",
    "grpo.gradient_accumulation_steps": "Micro-batches a step",
    "max_minutes": "Time limit, in minutes",
}
HUB = {
    "data.id": "Name on the Hub, owner/name",
    "data.name": "Configuration",
    "data.split": "Split to train on",
    "data.test_split": "Split to evaluate on",
    "data.revision": "Branch, tag or commit",
}
PARTS = ("data.name", "data.split", "data.test_split")
"""Fields that name a part of a dataset on the Hub."""
COLUMNS = {
    "data.columns.question": "Column with the question",
    "data.columns.answer": "Column with the right answer",
    "data.columns.options": "Column with the options, of multiple choice",
}
GENERATED = {
    "data.generate": "What is made: countdown, stories, or reasoning_gym:NAME",
    "data.difficulty": "How hard, from 1",
}
READING = {"data.task": "Kind of answer", **COLUMNS}
"""Fields that are called something else on the page than in a config."""
NAMED = (*HUB, *READING)
"""Fields that say what of a dataset on the Hub is read, and how."""

NOT_FIELDS = ("rewards", "data.run_code", "data.verifier")
"""Rewards have a weight each, see REWARDS; the others are nothing for a browser."""

NEXT_SENTENCE = re.compile(r"(?<=[a-z0-9)`]\.)(?<!Dr\.) (?=\w)")
KINDS: dict[Any, Kind] = {int: "whole", float: "number", str: "text", bool: "yes", tuple: "names", Literal: "choice"}


@dataclass(frozen=True)
class Leaf:
    """A field that holds a value, not a section."""

    path: str
    kind: Kind
    optional: bool
    choices: tuple[str, ...]
    help: str

    @property
    def name(self) -> str:
        """The field's name within its section."""
        return self.path.rpartition(".")[2]


def _leaves(model: type[Section], prefix: str = "") -> Iterator[Leaf]:
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            yield from _leaves(section, f"{prefix}{name}.")
        elif f"{prefix}{name}" not in NOT_FIELDS:
            yield _leaf(f"{prefix}{name}", field)


def _leaf(path: str, field: FieldInfo) -> Leaf:
    kind: Any = field.annotation
    union = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else ()
    optional = type(None) in union
    if union:  # a number or a word, as `gpus`, is written as a text
        kind = next(each for each in union if each is not type(None)) if optional else str
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    help_text = " ".join((field.description or "").split()).replace("None: ", "Empty: ")
    return Leaf(path, KINDS[get_origin(kind) or kind], optional, choices, help_text)


LEAVES = {leaf.path: leaf for leaf in _leaves(RunConfig)}
WEIGHTS = [f"rewards.{name}" for name in REWARDS]


def help_of(path: str) -> str:
    """The help of a field: its docstring; of a reward, what it pays and what it cannot see."""
    if path in LEAVES:
        return LEAVES[path].help
    name = path.removeprefix("rewards.")
    documented = re.sub(r" \([^)]*arXiv[^)]*\)", "", " ".join((REWARDS[name].__doc__ or "").split()))
    first, *more = re.split(NEXT_SENTENCE, documented)
    low, high = LIMITS[name]
    return " ".join(
        [f"Pays {low:g} to {high:g}. {first}", *(sentence for sentence in more if "cannot see" in sentence)]
    )


def line_of(path: str) -> str:
    """The first sentence of a field's help, which stands beside it, and what a reward pays: the rest is asked for."""
    return " ".join(re.split(NEXT_SENTENCE, help_of(path))[: 2 if path in WEIGHTS else 1])


def label_of(path: str) -> str:
    """What a field is called on the page."""
    return {"data.source": "Where the problems come from", **UPLOADED, **MAIN, **HUB, **GENERATED, **READING}.get(
        path, path.rpartition(".")[2]
    )


def component(path: str, config: RunConfig) -> gr.components.Component:
    """Draws the component of a field. It refuses nothing by itself: what is wrong stands at the field, and stays there.

    A number that may be left out is a text: the browser's part of gr.Number turns an empty value into 0 as it appears.
    """
    value = values_of(config)[path]
    if path in UPLOADED:
        return gr.State(value)
    options: dict[str, Any] = {
        "label": label_of(path),
        "info": own_source(config) if path == "data.source" else line_of(path),
        "value": value,
        "interactive": True,
        "elem_id": element(path),
    }
    if path == "data.source":
        return gr.Radio([(words, key) for key, words in SOURCES.items()], **options)
    if path in COLUMNS or path in PARTS:  # what there is to choose from becomes known by a look at the data
        return gr.Dropdown([value] if value else [], allow_custom_value=True, **options)
    leaf = LEAVES.get(path)
    if leaf is None or (leaf.optional and leaf.kind in ("whole", "number")):
        return gr.Textbox(placeholder="not used" if leaf is None else "none", **options)
    if leaf.kind == "yes":
        return gr.Checkbox(**options)
    if leaf.kind == "choice":
        return gr.Dropdown(list(leaf.choices), **options)
    if leaf.kind == "names":
        known = list(LoraSection.model_fields["target_modules"].default)
        return gr.Dropdown(known, multiselect=True, allow_custom_value=True, **options)
    if leaf.kind == "text":
        lines = 4 if path in LONG_TEXTS else 1
        return gr.Textbox(lines=lines, placeholder="none" if leaf.optional else None, **options)
    step = 1.0 if leaf.kind == "whole" else 1e-6 if leaf.name == "learning_rate" else 0.01
    return gr.Number(placeholder="a number", step=step, **options)


def element(path: str) -> str:
    """The id of a field's component on the page."""
    return "field-" + path.replace(".", "-").replace("_", "-")


def values_of(config: RunConfig) -> Values:
    """The values that the components show for a config, by field."""
    data = config.model_dump()
    values: Values = {"data.source": "own"}
    for path, leaf in LEAVES.items():
        values[path] = _shown_value(leaf, _value_at(data, path))
    values.update(dict.fromkeys(UPLOADED))
    values.update({path: _number_text(config.rewards.get(path.removeprefix("rewards."))) for path in WEIGHTS})
    return values


def _value_at(data: Mapping[str, Any], path: str) -> Any:
    """A setting's value in a config's plain data."""
    value: Any = data
    for name in path.split("."):
        value = value[name]
    return value


def _shown_value(leaf: Leaf, value: Any) -> Any:
    if leaf.kind == "names":
        return list(value)
    if leaf.kind == "text":
        return str(value or "")
    return _number_text(value) if leaf.optional else value


def _number_text(value: float | None) -> str:
    return "" if value is None else repr(value).removesuffix(".0")


def config_of(values: Mapping[str, Any], base: RunConfig) -> RunConfig:
    """The config that a form's values make. `base` is the one that it was filled from: its paths and own rewards stay.

    Raises:
        UserError: with every problem at once, each naming its field.
    """
    data: dict[str, Any] = {}
    for path, leaf in LEAVES.items():
        *sections, name = path.split(".")
        inner = data
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = _typed(leaf, values[path])
    _choose_source(data["data"], values["data.source"], base)
    weights = {name: values[f"rewards.{name}"] for name in REWARDS}
    own = {name: weight for name, weight in base.rewards.items() if name not in REWARDS}
    data["rewards"] = {**{name: weight for name, weight in weights.items() if weight not in (None, "")}, **own}
    problems = list(_strange_names(data, base))
    try:
        config = parse(data)
    except UserError as error:
        raise UserError(*(_in_the_forms_words(one, values) for one in error.by_field), *problems) from error
    if problems:
        raise UserError(*problems)
    return config


def _typed(leaf: Leaf, value: Any) -> Any:
    if leaf.optional and value == "":
        return None
    if leaf.kind == "whole" and isinstance(value, float) and value.is_integer():
        return int(value)  # a browser has one kind of number
    return value


def _choose_source(data: dict[str, Any], source: object, base: RunConfig) -> None:
    """Takes out of `data` what does not belong to the source; an empty one is left for `parse` to name."""
    if source == "hub":
        data.update(path=None, test_path=None, generate=None, id=data["id"] or "")
    elif source == "made":
        data.update(dict.fromkeys(SOURCE_FIELDS), generate=data["generate"] or "", split="train")
    elif source == "gsm8k":
        data.update({name: getattr(GSM8K, name) for name in SOURCE_FIELDS})
        data.update(task="auto", columns={})
    elif source == "file":
        data.update(
            path=data["path"] or "", generate=None, id=None, name=None, revision=None, split="train", test_split=None
        )
    else:
        data.update({name: getattr(base.data, name) for name in (*SOURCE_FIELDS, "verifier")})


def _strange_names(data: Mapping[str, Any], base: RunConfig) -> Iterator[Problem]:
    """A folder on this machine is named by a preset or a past run, never by a browser."""
    examples = {"model": "Qwen/Qwen2.5-1.5B-Instruct", "data": "openai/gsm8k"}
    for section, known in (("model", base.model.id), ("data", base.data.id)):
        name = data[section]["id"]
        if isinstance(name, str) and name and name != known and not on_the_hub(name):
            message = f"{name[:80]!r} is not a name on the Hugging Face Hub, such as {examples[section]}"
            yield Problem(f"{section}.id", message)


UPLOAD_FIRST = "upload a file that can be read"
"""What is to be done where a file of one's own was chosen and there is none yet: the next step, not a mistake."""


def _in_the_forms_words(problem: Problem, values: Mapping[str, Any]) -> Problem:
    path = problem.field
    if path == "data.path" and values["data.source"] == "file":
        return Problem(path, UPLOAD_FIRST)
    if path in values and values[path] in (None, "", []):
        needed = {"whole": "a whole number", "number": "a number", "names": "at least one name", "choice": "a choice"}
        if path == "data.id":
            return Problem(path, "is empty: a name on the Hugging Face Hub is needed, such as openai/gsm8k")
        return Problem(path, f"is empty: {needed.get(LEAVES[path].kind, 'a text')} is needed")
    return problem


def named(values: Mapping[str, Any]) -> list[str]:
    """Which part of which dataset on the Hub a form's values name, and how it is to be read."""
    return [str(values[path] or "") for path in NAMED]


def complaints(error: UserError, among: Mapping[str, object]) -> tuple[dict[str, str], list[str]]:
    """What is wrong, by the field where it is shown; and a list of what belongs to no field of `among`."""
    at: dict[str, str] = {}
    other: list[str] = []
    for problem in error.by_field:
        path, message = problem.field, problem.message
        if path.startswith("rewards") and path not in among:
            path = WEIGHTS[0]
        if path in among:
            at[path] = f"{at[path]}; {message}" if path in at else message
        else:
            other.append(str(problem))
    return at, other


def own_source(config: RunConfig) -> str:
    """Where the problems of a config come from, as text: it stands beside every choice, so that it names its own."""
    came = SOURCES["own"]
    data = config.data
    if data.id is not None:
        source = (
            f"{came}: {data.id}{f' ({data.name})' if data.name else ''} on the Hugging Face Hub, split {data.split}; "
        )
        return as_text(source + (f"evaluated on split {data.test_split}." if data.test_split else "some are held out."))
    if data.generate is not None:
        return as_text(f"{came}: {data.generate}, made by a program.")
    names = [str(path).rpartition("/")[2] for path in (data.path, data.test_path) if path]
    return as_text(f"{came}: {names[0]}; " + (f"evaluated on {names[1]}." if names[1:] else "some are held out."))


def shown(complaint: str | None, path: str) -> Any:
    """An update of a field's component that shows what is wrong with it, or its help again. Its value stays."""
    if path in UPLOADED:
        return gr.skip()
    info = f"\N{WARNING SIGN} {as_text(complaint)}" if complaint else line_of(path)
    return gr.update(info=info, elem_classes=["wrong"] if complaint else [])


def filled(path: str, value: Any, config: RunConfig) -> Any:
    """An update of a field's component that shows a value, and nothing wrong with it."""
    if path in UPLOADED:
        return value
    return gr.update(value=value, info=own_source(config) if path == "data.source" else line_of(path), elem_classes=[])


def changes(base: RunConfig, config: RunConfig) -> list[str]:
    """One line for each field in which two configs differ: `grpo.max_steps: 30 -> 20`."""
    changed = []
    for one in differences(base, config):
        old, new = (
            shown_name(value) if one.field in UPLOADED and value else value for value in (one.first, one.second)
        )
        changed.append(f"{one.field}: {_brief(old)} \N{RIGHTWARDS ARROW} {_brief(new)}")
    return changed


def _brief(value: object) -> str:
    text = "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text[:60]}..." if len(text) > 60 else text


LOOK_ALIKES = str.maketrans({"*": "\N{ASTERISK OPERATOR}", "`": "'"})


def as_text(words: str) -> str:
    """Text for a component's `info`, which reads links, bold, italics and code: what a user typed is none. Names stay
    whole.
    """
    words = re.sub(r"(?<![^\W_])_|_(?![^\W_])", "\N{MODIFIER LETTER LOW MACRON}", words.translate(LOOK_ALIKES))
    return words.replace("](", "]\N{WORD JOINER}(")


def one_step(values: Mapping[str, Any]) -> str:
    """The prompts and completions of one step, in words; empty while a number is missing."""
    size, batch, micro_batches = (
        values[f"grpo.{name}"]
        for name in ("num_generations", "per_device_train_batch_size", "gradient_accumulation_steps")
    )
    numbers = (size, batch, micro_batches)
    if not all(isinstance(n, int | float) and 1 <= n < 1e6 and n == int(n) for n in numbers):
        return ""
    completions, size = int(batch * micro_batches), int(size)
    if size < 2:
        return ""
    if completions % size:
        return f"One step has {completions:,} completions: they do not make whole groups of {size}."
    prompts = completions // size
    return (
        f"One step: {prompts:,} {'prompt' if prompts == 1 else 'prompts'}, a group of {size} completions for each, "
        f"{completions:,} completions in all."
    )

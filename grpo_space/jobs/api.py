"""The Hub's Jobs over HTTP: create, inspect, list, cancel, and what hardware there is. Every failure is one line that
says what to do. The client's own `run_job` and its log reader write the Hub's address into their code.
"""

import contextlib
from typing import Any, TypeVar

import requests
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from grpo_space import hub
from grpo_space.errors import UserError

ENDED = ("COMPLETED", "CANCELED", "ERROR", "DELETED")
"""The stages after which nothing comes. Every other one, a stage that is not known too, is taken for active."""
T = TypeVar("T")


class Answer(BaseModel):
    """The base of what the Hub answers: its names in camel case, and what is not known left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Status(Answer):
    """How a Job stands."""

    stage: str
    message: str | None = None


class Job(Answer):
    """A Job as the Hub describes it."""

    id: str
    status: Status
    flavor: str | None = None
    arguments: list[str] | None = None
    created_at: str = ""

    @property
    def active(self) -> bool:
        """Whether it may still do something."""
        return self.status.stage not in ENDED


class Accelerator(Answer):
    """The cards of a kind of hardware."""

    model: str = ""
    quantity: int | str = 1
    vram: str = ""


class Hardware(Answer):
    """A kind of hardware that a Job can run on, with its price."""

    name: str
    pretty_name: str = ""
    accelerator: Accelerator | None = None
    unit_cost_usd: float = Field(0.0, validation_alias=AliasChoices("unitCostUSD", "unitCostUsd"))
    unit_label: str = "minute"
    """The unit that the price is of."""


class JobSpec(Answer):
    """What a Job is to run, and on what. Its secrets are kept by the Hub alone."""

    docker_image: str
    command: list[str]
    arguments: list[str]
    environment: dict[str, str] = {}
    secrets: dict[str, str] = Field({}, repr=False)
    flavor: str
    timeout_seconds: int


class JobError(UserError):
    """The Hub did not do what was asked of it about a Job."""

    def __init__(self, problem: str, code: int | None) -> None:
        super().__init__(problem)
        self.code = code
        """HTTP's status; None: there was no answer."""


def create(namespace: str, spec: JobSpec, mark: str, token: str) -> Job:
    """Starts a Job that `namespace` pays for. `mark`: an argument that no other Job has: where only the answer was
    lost, the Job is found by it, and no second one is started.
    """
    try:
        return Job.model_validate(_asked("POST", namespace, token, spec.model_dump(by_alias=True)))
    except (*hub.SPOKEN, ValidationError) as error:
        if hub.status(hub.spoken(error)) in (None, 500, 502, 503, 504):
            with contextlib.suppress(UserError):
                for job in listed(namespace, token):
                    if mark in (job.arguments or []):
                        return job
        raise _failed(error, "the Job was not started", namespace, token) from None


def inspect(namespace: str, job_id: str, token: str) -> Job:
    """How a Job stands now."""
    return _job("GET", f"{namespace}/{job_id}", "the Job cannot be looked at", namespace, token)


def cancel(namespace: str, job_id: str, token: str) -> Job:
    """Ends a Job, whatever it is doing."""
    return _job("POST", f"{namespace}/{job_id}/cancel", "the Job was not cancelled", namespace, token)


def listed(namespace: str, token: str) -> list[Job]:
    """The Jobs of a namespace."""
    return _read(TypeAdapter(list[Job]), namespace, "the Jobs cannot be listed", namespace, token)


def hardware(token: str | None) -> list[Hardware]:
    """What a Job can run on, with prices: newer than the client, which does not know it. It is tried once: a page
    waits for it, and there is a table.
    """
    try:
        return TypeAdapter(list[Hardware]).validate_python(_asked("GET", "hardware", token))
    except (*hub.SPOKEN, ValidationError) as error:
        raise _failed(error, "the prices cannot be read", "you", token) from None


def _job(method: str, path: str, what: str, namespace: str, token: str) -> Job:
    try:
        return Job.model_validate(hub.retried(lambda: _asked(method, path, token)))
    except (*hub.SPOKEN, ValidationError) as error:
        raise _failed(error, what, namespace, token) from None


def _read(shape: TypeAdapter[T], path: str, what: str, namespace: str, token: str | None) -> T:
    try:
        return shape.validate_python(hub.retried(lambda: _asked("GET", path, token)))
    except (*hub.SPOKEN, ValidationError) as error:
        raise _failed(error, what, namespace, token) from None


def _asked(method: str, path: str, token: str | None, sent: dict[str, Any] | None = None) -> Any:
    with hub.opened(method, address(path), token, json=sent) as response:
        return response.json()


def address(path: str) -> str:
    """What follows the Hub's address, of something about Jobs."""
    return f"api/jobs/{path}"


def _failed(error: BaseException, what: str, namespace: str, token: str | None) -> JobError:
    return JobError(in_words(error, what, namespace, token), hub.status(hub.spoken(error)))


def in_words(error: BaseException, what: str, namespace: str, token: str | None) -> str:
    """Why the Hub did not do it, and what to do, in a line that begins with `what`."""
    code = hub.status(hub.spoken(error))
    if isinstance(error, ValidationError | requests.JSONDecodeError):
        why = "the Hub answered in a way that is not known: a newer version of this app may know it"
    elif code == 401:
        why = f"the Hub does not accept this token: sign in again, or make one at {hub.SITE}/settings/tokens"
    elif code == 402:
        why = f"{namespace} has no credits left for Jobs: add some at {hub.SITE}/settings/billing"
    elif code == 403:
        why = (
            f"this token may not start or see Jobs of {namespace}: sign in again and allow the scope jobs, take a "
            f"token with the right to run Jobs ({hub.SITE}/settings/tokens), or let another namespace pay"
        )
    elif code == 404:
        why = f"the Hub knows no such Job of {namespace}: it may have been deleted"
    else:
        why = hub.trouble(error, token)
    return f"{what}: {why}"

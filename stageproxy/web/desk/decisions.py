"""Decisions about a stage: a page that asks, and the form that carries it out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from stageproxy.core.durations import parse_duration
from stageproxy.core.errors import ConflictError, InvalidRequestError, NotFoundError
from stageproxy.core.promotion.decisions import Decision
from stageproxy.core.rights import Action
from stageproxy.core.stage.stage import Artifact, Stage, Step
from stageproxy.services.sessions import SignedIn
from stageproxy.web.bodies import LONGEST_DURATION
from stageproxy.web.desk.answers import (
    Form,
    Handler,
    change_of_signed_in,
    desk_page,
    for_signed_in,
    see_other,
)
from stageproxy.web.keys import STAGES, WAYS_OUT


@dataclass(frozen=True, slots=True)
class Question:
    """How a decision is asked for: what it needs, and what the button says."""

    action: Action
    step: Step | None
    heading: str
    button: str
    is_ending: bool = False


QUESTIONS: Mapping[Decision, Question] = {
    Decision.STOP: Question(Action.PROMOTE, Step.STOP, "Stop publishing", "Stop publishing"),
    Decision.GIVE_UP: Question(
        Action.PROMOTE, Step.GIVE_UP, "Give up the rest of", "Give up the rest", is_ending=True
    ),
    Decision.EXTEND: Question(Action.EXTEND, Step.EXTEND, "Extend", "Extend"),
    Decision.ROTATE: Question(Action.ROTATE, None, "Replace the URL of", "Replace the URL"),
    Decision.CANCEL: Question(
        Action.CANCEL, Step.CANCEL, "Cancel", "Cancel the stage", is_ending=True
    ),
}


async def _stop(request: web.Request, signed_in: SignedIn, _form: Form) -> None:
    await request.app[WAYS_OUT].stop(signed_in.token, _id(request))


async def _give_up(request: web.Request, signed_in: SignedIn, _form: Form) -> None:
    await request.app[WAYS_OUT].give_up(signed_in.token, _id(request))


async def _extend(request: web.Request, signed_in: SignedIn, form: Form) -> None:
    await request.app[STAGES].extend(signed_in.token, _id(request), _duration_in(form))


async def _rotate(request: web.Request, signed_in: SignedIn, _form: Form) -> None:
    await request.app[STAGES].rotate(signed_in.token, _id(request))


async def _cancel(request: web.Request, signed_in: SignedIn, _form: Form) -> None:
    await request.app[STAGES].cancel(signed_in.token, _id(request))


_CARRIED_OUT_BY: Mapping[Decision, Callable[[web.Request, SignedIn, Form], Awaitable[None]]] = {
    Decision.STOP: _stop,
    Decision.GIVE_UP: _give_up,
    Decision.EXTEND: _extend,
    Decision.ROTATE: _rotate,
    Decision.CANCEL: _cancel,
}


def question_about(decision: Decision) -> Handler:
    """Return the handler of the page that asks for a decision, and says what it does."""
    question = QUESTIONS[decision]

    async def ask(request: web.Request, signed_in: SignedIn) -> web.StreamResponse:
        stage = await request.app[STAGES].get(signed_in.token, _id(request), question.action)
        if question.step is not None:
            stage.after(question.step)
        return desk_page(
            request,
            "question.html",
            signed_in,
            stage=stage,
            decision=decision,
            question=question,
            max_lifetime=stage.opened_at + request.app[STAGES].limits.max_lifetime,
        )

    # Requests are counted by the names of their handlers.
    ask.__name__ = f"ask_{decision.name.lower()}"
    return for_signed_in(ask)


def answer_to(decision: Decision) -> Handler:
    """Return the handler of the form that carries a decision out."""
    carry_out = _CARRIED_OUT_BY[decision]

    async def change(request: web.Request, signed_in: SignedIn, form: Form) -> web.StreamResponse:
        await carry_out(request, signed_in, form)
        return see_other(request, f"/desk/stages/{_id(request)}?done={decision}")

    change.__name__ = f"desk_{decision.name.lower()}"
    return change_of_signed_in(change)


@for_signed_in
async def ask_remove(request: web.Request, signed_in: SignedIn) -> web.StreamResponse:
    """Return the page that asks whether a file is to be removed."""
    stage = await request.app[STAGES].get(signed_in.token, _id(request), Action.REMOVE)
    stage.after(Step.EDIT)
    return desk_page(
        request, "remove.html", signed_in, stage=stage, artifact=_artifact(request, stage)
    )


@change_of_signed_in
async def desk_remove(request: web.Request, signed_in: SignedIn, form: Form) -> web.StreamResponse:
    """Remove a file of a stage, if it is the one that was shown."""
    stage = await request.app[STAGES].get(signed_in.token, _id(request), Action.REMOVE)
    artifact = _artifact(request, stage)
    if form.get("sha256") != artifact.sha256:
        raise ConflictError(
            f"{artifact.filename} was replaced since you opened the page: its sha256 is now "
            f"{artifact.sha256}. It was not removed."
        )
    await request.app[STAGES].remove(signed_in.token, stage.id, artifact.filename)
    return see_other(request, f"/desk/stages/{stage.id}?done=remove")


def _artifact(request: web.Request, stage: Stage) -> Artifact:
    filename = request.match_info["filename"]
    artifact = stage.find_artifact(filename)
    if artifact is None:
        raise NotFoundError(f"Stage {stage.release} has no file {filename}.")
    return artifact


def _duration_in(form: Form) -> timedelta:
    try:
        length = parse_duration(form.get("extend-for", ""))
    except ValueError as error:
        raise InvalidRequestError(f"The time to extend the stage by is wrong: {error}.") from error
    if length <= timedelta(0):
        raise InvalidRequestError("The time to extend the stage by must be longer than zero.")
    return min(length, LONGEST_DURATION)


def _id(request: web.Request) -> str:
    return request.match_info["id"]

"""The URLs that uploaders print after an upload; they redirect to the stage.

hatch prints `<upload URL>/<project>/<version>/`; flit prints
`https://HOST/project/<name>/`, or `<upload URL>/<name>`.
"""

from aiohttp import hdrs, web
from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version

from stageproxy.core.errors import NotFoundError
from stageproxy.core.rights import ApiToken
from stageproxy.web.access.auth import authenticate
from stageproxy.web.access.signed_in import find_signed_in
from stageproxy.web.keys import STAGES, URLS
from stageproxy.web.stage_path import temporary_redirect


async def redirect_to_stage(request: web.Request) -> web.Response:
    """Redirect to the stage of a release, or to the latest stage of a project.

    Answer 404 without asking for a token if the names are not valid: hatch
    requests `+simple/<project>/` before it uploads, and skips the files listed there.
    """
    project = canonicalize_name(request.match_info["project"])
    version = request.match_info.get("version")
    if not is_normalized_name(project) or not (version is None or _is_version(version)):
        raise NotFoundError
    token = await _token_of(request)
    stage = await request.app[STAGES].get_latest(token, project, version)
    return temporary_redirect(request.app[URLS].url_of(stage))


async def _token_of(request: web.Request) -> ApiToken:
    """Return the API token that the request brings, or that somebody is signed in with."""
    signed_in = None
    if hdrs.AUTHORIZATION not in request.headers:
        signed_in = await find_signed_in(request)
    return signed_in.token if signed_in else await authenticate(request)


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True

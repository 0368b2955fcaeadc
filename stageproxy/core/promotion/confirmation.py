"""Here is whether the index shows a whole release, and nothing else under its names."""

from collections.abc import Iterable, Mapping

from stageproxy.core.errors import ConflictError, UpstreamUnavailableError
from stageproxy.core.promotion.plan import Seen, is_other, other_bytes
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Artifact

_AGAIN = "Report the end again in a moment: until then the stage is not published."


def check_is_shown(artifacts: Iterable[Artifact], seen: Mapping[str, Seen]) -> None:
    """Raise unless the index shows every artifact, and none of them with other bytes.

    A file that is shown without a hash passes: only its bytes can tell.
    """
    ordered = in_promotion_order(artifacts)
    shown = [(one, seen[one.filename]) for one in ordered if one.filename in seen]
    if others := [other_bytes(one, it) for one, it in shown if is_other(one, it)]:
        raise ConflictError(" ".join(others))
    if missing := [one.filename for one in ordered if one.filename not in seen]:
        raise UpstreamUnavailableError(
            f"The index does not show {', '.join(missing)} yet to the server, which looks for "
            f"itself. {_AGAIN}"
        )


def cannot_be_told(error: Exception) -> UpstreamUnavailableError:
    """Return the failure to see what the index shows."""
    return UpstreamUnavailableError(
        f"The server looks for itself, and the index does not say what it has: {error} {_AGAIN}"
    )

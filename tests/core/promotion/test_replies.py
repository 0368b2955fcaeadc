"""Replies of an index to an upload."""

import json
from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.promotion.replies import (
    LONGEST_PAUSE,
    Accepted,
    Refused,
    Reply,
    Unanswered,
    one_line,
    reply_of,
)

EXISTS = "File already exists ('demo-1.0.tar.gz', with blake2_256 hash 'ab')."
HTML = {"Content-Type": "text/html; charset=UTF-8"}
JSON = {"Content-Type": "application/json"}
PROBLEM = {"Content-Type": "application/problem+json"}
PLAIN = {"Content-Type": "text/plain; charset=UTF-8"}
DATE = "Sun, 22 Nov 2026 12:00:00 GMT"
PYPI_PAGE = f"""<html>
 <head>
  <title>400 {EXISTS.replace("'", "&#x27;")}</title>
 </head>
 <body>
  <h1>400 File already exists</h1>
  The server could not comply with the request.<br/><br/>
 </body>
</html>"""
BOTTLE_PAGE = """<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">
<html><head><title>Error: 409 Conflict</title>
<style type="text/css">body {color: #fff;}</style></head>
<body><h1>Error: 409 Conflict</h1><pre>Package &#x27;demo&#x27; already exists!</pre></body>"""


@pytest.mark.parametrize(
    ("status", "reason", "headers", "body", "reply"),
    [
        (200, "OK", PLAIN, "200 OK\n\n\n\n\n\n\n", Accepted("200 OK")),
        (200, "OK", PLAIN, "", Accepted("200 OK")),
        (201, "Created", {}, "", Accepted("201 Created")),
        (202, "Accepted", PLAIN, "It will be there soon.", Accepted("It will be there soon.")),
        (400, EXISTS, HTML, PYPI_PAGE, Refused(400, EXISTS)),
        (400, "Bad Request", HTML, PYPI_PAGE, Refused(400, EXISTS)),
        (400, "", PLAIN, f"400 {EXISTS}\n\nThe server could not …", Refused(400, EXISTS)),
        (400, "bad request", PLAIN, f"Bad Request\n{EXISTS}\nmore", Refused(400, EXISTS)),
        (
            400,
            "",
            JSON,
            json.dumps({"code": f"400 {EXISTS}", "message": "x"}),
            Refused(400, EXISTS),
        ),
        (400, "", JSON, json.dumps({"message": EXISTS}), Refused(400, EXISTS)),
        (400, "", JSON, json.dumps({"code": 17, "title": EXISTS}), Refused(400, EXISTS)),
        (409, "", PROBLEM, json.dumps({"title": "No", "detail": EXISTS}), Refused(409, EXISTS)),
        (400, "", JSON, "{", Refused(400, "400 Bad Request")),
        (400, "", JSON, "[1]", Refused(400, "400 Bad Request")),
        (400, "", {"Content-Type": "image/png"}, "\x89PNG", Refused(400, "400 Bad Request")),
        (413, "Content Too Large", {}, "", Refused(413, "413 Request Entity Too Large")),
        (403, "403 Forbidden", PLAIN, "No.", Refused(403, "No.")),
        (
            409,
            "Conflict",
            HTML,
            BOTTLE_PAGE,
            Refused(409, "Conflict Package 'demo' already exists!"),
        ),
        (400, "One\tline", {}, "", Refused(400, "One line")),
        (400, "caf\udce9 \x00", {}, "", Refused(400, "caf? ?")),
        (499, "", {}, "", Refused(499, "499")),
    ],
)
def test_answer(
    status: int, reason: str, headers: Mapping[str, str], body: str, reply: Reply
) -> None:
    """A reply is accepted or refused, with the sentence of the status line, or else of the body."""
    assert reply_of(status, reason, headers, body) == reply


@pytest.mark.parametrize("status", [100, 101, 408, 425, 429, 500, 502, 503, 504, 507, 599, 600])
def test_undecided_statuses(status: int) -> None:
    """Some statuses do not say whether the index has the artifact, whatever their sentence."""
    assert isinstance(reply_of(status, "No", PLAIN, "No, never."), Unanswered)


@pytest.mark.parametrize("status", sorted({*range(400, 452)} - {408, 425, 429}))
def test_other_4xx_is_a_refusal(status: int) -> None:
    """Every other 4xx is a refusal: the same upload would be refused again."""
    assert reply_of(status, "No, never.", {}, "") == Refused(status, "No, never.")


@pytest.mark.parametrize(
    ("reason", "body", "sentence"),
    [
        ("Bad Gateway", "", "The upload API answered 502 Bad Gateway."),
        ("Busy", "", "The upload API answered 502 Bad Gateway: Busy"),
        ("", "502 Busy", "The upload API answered 502 Bad Gateway: Busy"),
    ],
)
def test_undecided_answer_is_reported(reason: str, body: str, sentence: str) -> None:
    """An undecided reply is reported with its status and its sentence."""
    assert reply_of(502, reason, PLAIN, body) == Unanswered(sentence)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://upload.example.org/legacy/", "https://upload.example.org/legacy/"),
        ("/legacy/", "/legacy/"),
        ("https://u:p@upload.example.org/l/?token=t#f", "https://upload.example.org/l/"),
        ("https://[broken/", "nowhere"),
        ("", "nowhere"),
    ],
)
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_redirect(status: int, location: str, target: str) -> None:
    """A redirect is a refusal with its target, without credentials."""
    headers = {"Location": location}

    assert reply_of(status, "Moved", headers, "") == Refused(
        status,
        f"The upload API redirects ({status}) to {target}, and uploads do not follow "
        "redirects. Set promotion.repository_url to the final URL.",
    )


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "7"}, timedelta(seconds=7)),
        ({"Retry-After": " 0 "}, timedelta()),
        ({"Retry-After": "999999"}, LONGEST_PAUSE),
        ({"Retry-After": "9" * 30}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "\u0667"}, None),
        ({}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 12:01:30 GMT", "Date": DATE}, timedelta(seconds=90)),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:00 GMT", "Date": DATE}, LONGEST_PAUSE),
        ({"Retry-After": "Sun, 22 Nov 2026 11:00:00 GMT", "Date": DATE}, timedelta()),
        ({"Retry-After": "Sun, 22 Nov 2026 12:01:30 GMT"}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 12:01:30 -0000", "Date": DATE}, None),
    ],
    ids=str,
)
def test_pause(headers: Mapping[str, str], pause: timedelta | None) -> None:
    """The index can ask for a pause, in seconds or until a date by its own clock, within limits."""
    found = reply_of(429, "Too Many Requests", headers, "")

    assert found == Unanswered("The upload API answered 429 Too Many Requests.", pause)


@given(st.integers(100, 999), st.text(), st.sampled_from([HTML, JSON, PLAIN, {}]), st.text())
def test_any_answer(status: int, reason: str, headers: Mapping[str, str], body: str) -> None:
    """For any answer, there is a reply of one limited line, and only a 2xx is an acceptance."""
    reply = reply_of(status, reason, headers, body)

    assert reply.sentence.isprintable()
    assert 0 < len(reply.sentence) < 600
    assert isinstance(reply, Accepted) == (200 <= status < 300)


@pytest.mark.parametrize("text", ["<" * 2**16, "<title>" * 9000, "<a " * 2**15, " " * 2**16])
def test_hostile_page_takes_linear_time(text: str) -> None:
    """A page of the longest size that is read is parsed without backtracking."""
    assert isinstance(reply_of(400, "", HTML, text), Refused)


def test_long_sentence() -> None:
    """A sentence has at most 500 characters."""
    assert one_line("word " * 1000) == ("word " * 100)

"""A server that returns given answers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class StubServer:
    """A server that returns given answers and records the headers of its requests.

    *sequences* are answers in turn, by their paths.
    """

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    sequences: dict[str, list[Any]] = field(default_factory=dict)
    authorizations: list[str | None] = field(default_factory=list)

    def answer_at(self, path: str) -> Any:
        """Return the answer at a path. Of a sequence it is the next one; the last one stays."""
        sequence = self.sequences.get(path, ())
        if len(sequence) > 1:
            return sequence.pop(0)
        return sequence[0] if sequence else self.answers.get(path, [])


@contextmanager
def running_stub_server() -> Iterator[StubServer]:
    """Run such a server on a local port. Other paths are answered with `[]`."""
    stub_server = StubServer()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stub_server.authorizations.append(self.headers["Authorization"])
            answer = stub_server.answer_at(self.path)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            is_elsewhere = isinstance(answer, str)
            self.send_response(307 if is_elsewhere else 200)
            if is_elsewhere:
                self.send_header("Location", answer)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    stub_server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub_server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A server for one page on this machine: 127.0.0.1 only, one document, nothing else.

A page elsewhere could point its own name at 127.0.0.1 and read what is served there; therefore a
request must name this machine and this port in its Host header.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from devbench.errors import UsageError
from devbench.pages.render import page_policy

HOST = "127.0.0.1"
OWN_NAMES = (HOST, "localhost")


class PageServer(ThreadingHTTPServer):
    """Serves one page. port: 0 for a free one; `url` then tells which.

    Raises UsageError where the port is taken or not allowed.
    """

    daemon_threads = True  # an open connection does not keep the command from ending

    def __init__(self, page: str, *, port: int = 0) -> None:
        self.page = page.encode()
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise UsageError(
                f"port {port} of {HOST} cannot be used: {error.strerror}",
                fix="leave --port out, and a free one is taken",
            ) from error

    @property
    def url(self) -> str:
        """Return where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    def is_own(self, host: str | None) -> bool:
        """Return whether a Host header names this server."""
        return host in {f"{name}:{self.server_port}" for name in OWN_NAMES} or (
            self.server_port == 80 and host in OWN_NAMES
        )


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of / with the page, and everything else with a line of text."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    server: PageServer

    def version_string(self) -> str:
        """Return the Server header: no versions of Python or of this machine."""
        return "devbench"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the command's output is the address."""

    def do_GET(self) -> None:
        """Answer GET."""
        if not self.server.is_own(self.headers.get("Host")):
            self._answer(HTTPStatus.MISDIRECTED_REQUEST)
        elif self.path.partition("?")[0] != "/":
            self._answer(HTTPStatus.NOT_FOUND)
        else:
            self._send(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")

    do_HEAD = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what no method here answers (501 and broken requests) without markup."""
        self.close_connection = True
        self._answer(HTTPStatus(code), {"Connection": "close"})

    def _answer(self, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> None:
        text = f"{status.value} {status.phrase}\n".encode()
        self._send(status, text, "text/plain; charset=utf-8", headers)

    def _send(
        self,
        status: HTTPStatus,
        content: bytes,
        kind: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        found = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Content-Security-Policy": f"{page_policy()}; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        for name, value in (found | dict(headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

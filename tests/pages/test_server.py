from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devbench.errors import UsageError
from devbench.pages.render import page_policy
from devbench.pages.server import PageServer
from helpers.records import make_run

PAGE = "<!doctype html><title>ä</title>"


@contextlib.contextmanager
def serving() -> Iterator[PageServer]:
    with PageServer(PAGE) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(
    server: PageServer, method: str, path: str, host: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


def test_the_page_comes_with_its_headers() -> None:
    with serving() as server:
        status, headers, body = ask(server, "GET", "/")
        assert (status, body.decode()) == (200, PAGE)
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert headers["Content-Length"] == str(len(PAGE.encode()))
        assert headers["Content-Security-Policy"] == f"{page_policy()}; frame-ancestors 'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Server"] == "devbench"
        assert not any(name.startswith("Access-Control") for name in headers)
        status, headers, body = ask(server, "HEAD", "/?x=1")
        assert (status, headers["Content-Length"], body) == (200, str(len(PAGE.encode())), b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/index.html", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/favicon.ico", 404),
        ("POST", "/", 501),
        ("DELETE", "/", 501),
        ("OPTIONS", "/", 501),
    ],
)
def test_nothing_else_is_served(method: str, path: str, status: int) -> None:
    with serving() as server:
        found, headers, body = ask(server, method, path)
        assert found == status
        assert headers["Content-Type"].startswith("text/plain")
        assert not path.strip("/") or path.strip("/") not in body.decode()


def test_only_names_of_this_machine_are_answered() -> None:
    with serving() as server:
        port = server.server_port
        assert server.server_address[0] == "127.0.0.1"
        for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
            assert ask(server, "GET", "/", host)[0] == 200
        for host in ("example.org", f"example.org:{port}", "127.0.0.1", f"localhost:{port + 1}"):
            assert ask(server, "GET", "/", host)[0] == 421


def test_a_broken_request_is_answered_in_plain_text() -> None:
    with serving() as server, socket.create_connection(server.server_address[:2], 20) as line:
        line.sendall(b"GET <script> HTTP/9.9 x\r\n\r\n")
        answer = line.makefile("rb").read()
        assert b"<" not in answer


def test_a_port_that_is_taken_is_said() -> None:
    with serving() as server, pytest.raises(UsageError, match="cannot be used") as caught:
        PageServer(PAGE, port=server.server_port)
    assert "--port" in caught.value.fix


def test_the_command_serves_until_ctrl_c(tmp_path: Path) -> None:
    record = make_run().record
    (tmp_path / f"{record.run_id}.json").write_bytes(record.to_json())
    command = [sys.executable, "-m", "devbench", "page", "serve", "--records", str(tmp_path),
               "--store", str(tmp_path / "none")]  # fmt: skip
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        connection = http.client.HTTPConnection(url.removeprefix("http://").strip("/"), timeout=60)
        connection.request("GET", "/")
        assert b"freq-mixstyle" in connection.getresponse().read()
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
        connection.close()
    assert process.returncode == 0, errors
    assert (out, "Traceback" in errors) == ("", False)
    assert "Ctrl-C" in errors

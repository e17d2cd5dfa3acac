# ruff: noqa: PTH208 - as a plugin would
"""Twenty ways out of a worker; prints JSON: which of them succeed.

break_out.py PLACES  (a JSON document: files, folders, pids and addresses outside)
"""

import ctypes
import json
import os
import socket
import sys
import time
from pathlib import Path

PLACES = json.loads(sys.argv[1])
LIBC = ctypes.CDLL(None, use_errno=True)


def call(name, *args):
    """Call the C library, past Python's own functions; an error is an OSError."""
    if getattr(LIBC, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), name)


def read_natively(path):
    handle = LIBC.open(path.encode(), os.O_RDONLY)
    if handle < 0:
        raise OSError(ctypes.get_errno(), path)
    assert os.read(handle, 1)


def overwrite(path):
    os.close(os.open(path, os.O_WRONLY))


def beside():
    """Find something in the folder of all runs beside one's own."""
    assert set(os.listdir("../..")) - {"probed"}


def connect(family, address):
    with socket.socket(family) as plug:
        plug.settimeout(5)
        plug.connect(address)


def own_user_namespace():
    call("unshare", 0x10000000)


def datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        plug.connect(("127.0.0.1", PLACES["port"]))
        plug.send(b"?")
        time.sleep(0.1)
        plug.send(b"?")  # refused where nobody heard the first


def interfaces():
    assert any(name != "lo" for _, name in socket.if_nameindex())


def host_memory():
    """Read of the process outside where its memory lies."""
    assert Path(f"/proc/{PLACES['pid']}/maps").read_text()


def shared_memory():
    call("shmget", PLACES["shm"], 0, 0o600)


PROBES = {
    "labels": lambda: read_natively(PLACES["manifest"]),
    "corpus": lambda: os.listdir(PLACES["corpus"]),
    "records": lambda: read_natively(PLACES["record"]),
    "ledger": lambda: os.listdir(PLACES["ledger"]),
    "another run": lambda: os.listdir(PLACES["other_run"]),
    "home": lambda: read_natively(PLACES["home_file"]),
    "passwords": lambda: read_natively("/etc/passwd"),
    "temporary file": lambda: read_natively(PLACES["temporary"]),
    "folder of runs": beside,
    "write to a run": lambda: overwrite(PLACES["run_file"]),
    "write to code": lambda: overwrite(PLACES["code"]),
    "tcp": lambda: connect(socket.AF_INET, ("127.0.0.1", PLACES["port"])),
    "udp": datagram,
    "unix socket": lambda: connect(socket.AF_UNIX, PLACES["socket"]),
    "abstract socket": lambda: connect(socket.AF_UNIX, "\0" + PLACES["abstract"]),
    "interfaces": interfaces,
    "signal": lambda: os.kill(PLACES["pid"], 0),
    "other process": host_memory,
    "shared memory": shared_memory,
    "user namespace": own_user_namespace,
}

found = {}
for name, probe in PROBES.items():
    try:
        result = probe()
        found[name] = result != []
    except (OSError, AssertionError):
        found[name] = False
print(json.dumps(found))

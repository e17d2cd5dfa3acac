"""A Ray cluster of several nodes on this machine, in a process of its own.

    python tests/helpers/ray_nodes.py N_NODES N_CPUS FOLDER

The head takes no runs. Each node has its own TMPDIR below FOLDER, as machines have. Prints the
address; "kill" on standard input kills one node with all its processes, "add" starts one, the end
of input ends the cluster.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TRIES = 3
"""Ray gives a node 30 s to start, which a busy machine may exceed."""
HOST = "127.0.0.2"
"""Loopback; Ray takes 127.0.0.1 for another word for this machine's address in its network."""


@dataclass
class Nodes:
    """The cluster from outside. address: of the head; folder/node-<n>: the TMPDIR of node n."""

    address: str
    folder: Path
    process: subprocess.Popen[str]

    def say(self, word: str) -> None:
        """Send a command and wait until it is carried out."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "done"


@contextlib.contextmanager
def nodes(folder: Path, *, n_nodes: int, n_cpus: int = 1) -> Iterator[Nodes]:
    """Start a cluster, and end it with all its processes."""
    for number in range(TRIES):
        process, address = _started(folder / f"try-{number}", n_nodes, n_cpus)
        try:
            if address:
                yield Nodes(address, folder / f"try-{number}", process)
                return
        finally:
            assert process.stdin is not None and process.stdout is not None
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait(timeout=120)
            process.stdout.close()
    raise AssertionError((folder / f"try-{TRIES - 1}" / "cluster.txt").read_text())


def _started(folder: Path, n_nodes: int, n_cpus: int) -> tuple[subprocess.Popen[str], str]:
    """Return the process of a cluster and its address, which is empty where it did not start."""
    folder.mkdir(parents=True)
    with (folder / "cluster.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, __file__, str(n_nodes), str(n_cpus), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def main() -> None:
    n_nodes, n_cpus, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    out = os.fdopen(os.dup(1), "w")  # Ray prints, too
    os.dup2(2, 1)
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0, "include_dashboard": False, "node_ip_address": HOST,
        },
    )  # fmt: skip
    started = []
    numbers = itertools.count()

    def add() -> None:
        scratch = folder / f"node-{next(numbers)}"
        scratch.mkdir()
        started.append(
            cluster.add_node(
                num_cpus=n_cpus, env_vars={"TMPDIR": str(scratch)}, node_ip_address=HOST
            )
        )

    for _ in range(n_nodes):
        add()
    print(cluster.address, file=out, flush=True)
    for line in sys.stdin:
        if line.strip() == "kill":
            cluster.remove_node(started.pop(), allow_graceful=False)
        else:
            add()
        print("done", file=out, flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()

"""Benchmarks by name or by path."""

from __future__ import annotations

from pathlib import Path

from devbench.benchmark.model import Benchmark, folder_of_benchmarks
from devbench.contract.names import require_known
from devbench.errors import UnknownNameError
from devbench.files import read_toml
from devbench.models import validated


def benchmark_names() -> list[str]:
    """Return the names of the benchmarks that come with devbench."""
    return sorted(path.stem for path in folder_of_benchmarks().glob("*.toml"))


def load_benchmark(name_or_path: str) -> Benchmark:
    """Return a benchmark by its name, or from a TOML file when the text is a path."""
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise UnknownNameError(
                f"no benchmark file {name_or_path!r}", fix="list them: devbench ls benchmarks"
            )
    else:
        require_known(
            "benchmark", name_or_path, benchmark_names(), list_command="devbench ls benchmarks"
        )
        path = folder_of_benchmarks() / f"{name_or_path}.toml"
    return validated(Benchmark, read_toml(path), origin=str(path))

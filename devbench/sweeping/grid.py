"""A grid: what a sweep was asked for, as one strict document, and the runs that it stands for."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer

from devbench.contract.names import require_known
from devbench.errors import UsageError
from devbench.files import canonical_json, sha256_bytes
from devbench.results.record import Strict
from devbench.running.plan import Isolation, Request

MAX_NUMBERS = 10_000
PARTS = ("backbone", "frontend")
_NUMBERS = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


class Grid(Strict):
    """Every combination of these is a cell: one run.

    None among backbones is the budget's own, None among front ends the benchmark's. settings:
    KEY=VALUE texts by whom they are for: a method, "backbone", "frontend", or "" for every method.
    """

    benchmark: str
    methods: list[str]
    sources: list[str]
    seeds: list[int]
    folds: list[int]
    backbones: list[str | None]
    frontends: list[str | None]
    budget: str
    settings: dict[str, list[str]]
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int
    isolation: Isolation = "process"

    @model_serializer(mode="wrap")
    def _without_default(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Keep the names that sweeps had before there was a choice."""
        document: dict[str, Any] = handler(self)
        if self.isolation == "process":
            document.pop("isolation", None)
        return document

    @property
    def sweep_id(self) -> str:
        """Return the name of the sweep: the same grid asked for again is the same sweep."""
        return sha256_bytes(canonical_json(self.model_dump(mode="json")))[:12]

    @property
    def n_cells(self) -> int:
        """Return the number of runs."""
        return math.prod(map(len, self._axes()))

    def requests(self) -> Iterator[Request]:
        """Yield the request of every cell, so that the first ones already make whole rows.

        Seeds change last: after the first seed, every method has a row over all sources.
        """
        for seed, fold, backbone, frontend, method, source in product(*self._axes()):
            yield Request(
                method=method,
                source=source,
                benchmark=self.benchmark,
                backbone=backbone,
                frontend=frontend,
                budget=self.budget,
                seed=seed,
                fold=fold,
                settings=self.settings_of(method),
                device=self.device,
                threads=self.threads,
                isolation=self.isolation,
            )

    def _axes(self) -> tuple[list[Any], ...]:
        return (self.seeds, self.folds, self.backbones, self.frontends, self.methods, self.sources)

    def settings_of(self, method: str) -> tuple[str, ...]:
        """Return the --set texts of one method's runs."""
        texts = [*self.settings.get("", []), *self.settings.get(method, [])]
        parts = [f"{part}.{text}" for part in PARTS for text in self.settings.get(part, [])]
        return (*texts, *parts)


def numbers(text: str, option: str) -> list[int]:
    """Return the numbers in a text such as 0-4 or 0,2,5-7, in order, none twice."""
    found: list[int] = []
    for part in text.split(","):
        match = _NUMBERS.fullmatch(part.strip())
        first = int(match[1]) if match else 0
        last = int(match[2] or match[1]) if match else -1
        if last < first or last - first >= MAX_NUMBERS:
            raise UsageError(
                f"{option} {text[:80]!r} is no list of numbers from 0",
                fix=f"write {option} 0, {option} 0-4 or {option} 0,2,5",
            )
        found.extend(range(first, last + 1))
    return list(dict.fromkeys(found))


def names(text: str, known: Iterable[str], kind: str, *, list_command: str) -> list[str]:
    """Return the names in a text such as A,B or all; UnknownNameError with near ones."""
    known = list(known)
    if text.strip() == "all":
        return known
    found = [part.strip() for part in text.split(",") if part.strip()]
    for name in found:
        require_known(kind, name, known, list_command=list_command)
    if not found:
        raise UsageError(f"no {kind} in {text[:80]!r}", fix=f"choose from: {list_command}, or all")
    return list(dict.fromkeys(found))


def owned(settings: Sequence[str], methods: Sequence[str]) -> dict[str, list[str]]:
    """Return --set texts by whom they are for, as in METHOD.option=… and backbone.option=…."""
    found: dict[str, list[str]] = {}
    for text in settings:
        key, _, _ = text.partition("=")
        owner, dot, _ = key.rpartition(".")
        if owner not in ("", *PARTS, *methods):
            raise UsageError(
                f"--set {text[:80]!r}: {owner!r} is no method of this sweep",
                fix="write option=VALUE, METHOD.option=VALUE, backbone.option=VALUE or frontend.…",
            )
        found.setdefault(owner, []).append(text[len(owner + dot) :])
    return found


def benchmark_text(text: str) -> str:
    """Return a benchmark's name as it is, and the path of a TOML file in full."""
    return str(Path(text).absolute()) if text.endswith(".toml") else text

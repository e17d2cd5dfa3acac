"""Commands that carry out again what plans say, quoted for a shell.

A plan keeps ids and hashes, no places: FILE.toml stands for the file of a benchmark that devbench
does not ship, FILE.py for the file that a method was loaded from, DIR for a folder it was given.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from devbench.benchmark.load import benchmark_names
from devbench.contract.options import FOLDER

if TYPE_CHECKING:
    from devbench.results.record import PartPlan, Plan, Record


def commands_of(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the commands that run a row again, one for all runs computed in one way."""
    groups: dict[tuple[str, int, str], list[Plan]] = {}
    for record in records:
        plan = record.plan
        groups.setdefault((plan.device, plan.threads, plan.isolation), []).append(plan)
    if records[0].plan.method.is_file:  # `run` takes --plugin, one run at a time
        return tuple(run_command([plan]) for plans in groups.values() for plan in plans)
    return tuple(run_command(plans) for _, plans in sorted(groups.items()))


def run_command(plans: Sequence[Plan], *more: str) -> str:
    """Return the run or the sweep that carries plans out again, which differ in source, seed, fold.

    more: words to add, such as --force.
    """
    plan = plans[0]
    many = "" if len(plans) == 1 else "s"
    words = ["devbench", "sweep" if many else "run", f"--method{many}", plan.method.name]
    words += [f"--source{many}", ",".join(sorted({p.source for p in plans}))]
    words += [f"--seed{many}", ",".join(map(str, sorted({p.seed for p in plans})))]
    folds = sorted({p.fold for p in plans})
    if folds != [0]:
        words += [f"--fold{many}", ",".join(map(str, folds))]
    words += ["--benchmark", benchmark_word(plan), "--budget", plan.budget]
    words += [f"--backbone{many}", plan.backbone.name]
    if _has_own_frontend(plan):
        words += [f"--frontend{many}", plan.frontend.name]
    words += _settings({"": plan.method, "backbone.": plan.backbone, "frontend.": plan.frontend})
    words += _plugin(plan)
    if plan.isolation != "process":
        words += ["--isolation", plan.isolation]
    return shlex.join([*words, "--device", plan.device, "--threads", str(plan.threads), *more])


def train_command(plan: Plan) -> str:
    """Return the command that trains what a plan's method shares between runs.

    `converter train` takes no front end; of a plan with its own it is the run that trains it.
    """
    if _has_own_frontend(plan):
        return run_command([plan], "--force")
    words = ["devbench", "converter", "train", "--method", plan.method.name]
    words += ["--source", plan.source, "--benchmark", benchmark_word(plan)]
    words += ["--budget", plan.budget]
    if plan.fold:
        words += ["--fold", str(plan.fold)]
    words += _settings({"": plan.method, "frontend.": plan.frontend})
    return shlex.join([*words, *_plugin(plan)])


def benchmark_word(plan: Plan) -> str:
    """Return what --benchmark takes for the benchmark of a plan."""
    return plan.benchmark.id if plan.benchmark.id in benchmark_names() else "FILE.toml"


def command_line(words: Sequence[str], options: Mapping[str, object]) -> str:
    """Return a command of devbench with options as they were given; those that are None are not."""
    given = [(name, str(value)) for name, value in options.items() if value is not None]
    return shlex.join(["devbench", *words, *(word for pair in given for word in pair)])


def _has_own_frontend(plan: Plan) -> bool:
    return "name" in plan.frontend.opened


def _settings(parts: Mapping[str, PartPlan]) -> Iterable[str]:
    for prefix, part in parts.items():
        for name in sorted(set(part.opened) - {"name"}):
            value = part.options.get(name)
            is_folder = isinstance(value, str) and value.startswith(FOLDER)
            yield from ("--set", f"{prefix}{name}={'DIR' if is_folder else value}")


def _plugin(plan: Plan) -> list[str]:
    return ["--plugin", "FILE.py"] if plan.method.is_file else []

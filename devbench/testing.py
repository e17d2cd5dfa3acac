"""For the tests of plugins: `test_contract = contract_tests("my-method")`, and nothing more.

Each rule of the contract becomes a test case of its own. The plugin is tried once, in a process of
its own, when the first case runs; importing this module loads neither torch nor the plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from devbench.contract.options import Value, setting_text
from devbench.registry import Kind

if TYPE_CHECKING:
    from devbench.plugin_kit.report import Finding, Report

__all__ = ["contract_tests", "require_rule"]


def contract_tests(
    plugin: str,
    *,
    kind: Kind | None = None,
    settings: Mapping[str, Value] | None = None,
    artifact: Mapping[str, Value] | None = None,
    full: bool = False,
    limit_s: float | None = None,
) -> Callable[..., None]:
    """Return a test function with one case per rule; assign it to a name that begins with test.

    plugin: the name of an installed plugin, or the path of a file or project, as for
    `devbench plugin check`. kind: of plugin; needed where a name stands for several. settings:
    options by name. artifact: keys of its artifacts' configs to change, so that they are made in
    seconds. full: train on a tiny corpus, too; `pytest --devbench-full` does so for all. limit_s:
    seconds that the check may take, whole runs left out; None: 120, a corpus 900.

    Raises UnknownNameError while tests are collected where nobody offers that plugin.
    """
    import pytest

    from devbench.plugin_kit.rules import rules_of
    from devbench.plugin_kit.target import targets_of

    refs = targets_of(plugin, kind)
    found: Kind = refs[0].kind
    texts = tuple(sorted((key, setting_text(value)) for key, value in (settings or {}).items()))
    changes = tuple(sorted((artifact or {}).items()))
    numbers = [rule.number for rule in rules_of(found, full=True)]

    @pytest.mark.parametrize("rule", numbers)
    def test_contract(rule: str, request: pytest.FixtureRequest) -> None:
        is_full = full or bool(request.config.getoption("devbench_full", default=False))
        report = _report(plugin, found, texts, changes, full=is_full, limit_s=limit_s)
        require_rule(report, rule)

    return test_contract


def require_rule(report: Report, rule: str) -> None:
    """Fail, skip or pass the test in hand by what was found of one rule.

    A rule that was not reached is skipped with the reason; so are those of whole runs without
    `full`. What is advice only is shown as a skip.
    """
    import pytest

    from devbench.plugin_kit.rules import RULES

    found: Finding | None = next((f for f in report.findings if f.number == rule), None)
    if found is None:
        pytest.skip("whole runs are looked at with --devbench-full")
    if found.state == "failed":
        asked = RULES[rule]
        pytest.fail(f"{rule} {asked.asks}\nseen: {found.seen}\nfix: {asked.mend}", pytrace=False)
    if found.state in ("skipped", "advice"):
        pytest.skip(f"{found.state}: {found.seen}")


@lru_cache
def _report(
    plugin: str,
    kind: Kind,
    settings: tuple[tuple[str, str], ...],
    artifact: tuple[tuple[str, Value], ...],
    *,
    full: bool,
    limit_s: float | None,
) -> Report:
    from devbench.plugin_kit.checking import Checking, check_plugins
    from devbench.plugin_kit.target import targets_of

    checking = Checking(
        settings=dict(settings),
        artifact=dict(artifact),
        full=full,
        limit_s=limit_s,
    )
    return check_plugins(targets_of(plugin, kind)[:1], checking)[0]

"""The reference names every command, option, hook, field, code and state, and no other."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import re
from typing import Any

import click
import pytest

import devbench
from devbench import errors, registry
from devbench.benchmark import model as benchmark
from devbench.benchmark.load import load_benchmark
from devbench.cli.group import cli
from devbench.contract import access, hookspecs
from devbench.contract.artifact import Artifact, Workshop
from devbench.contract.batch import Batch
from devbench.contract.method import Method, MethodSpec
from devbench.contract.parts import BackboneSpec, CorpusSpec, FrontendSpec
from devbench.contract.side import SideInformation
from devbench.contract.values import Clip, Device, FeatureSpec, FrequencyResponse
from devbench.corpora import build, layouts, sources
from devbench.corpora.header import CorpusHeader, DeviceEntry
from devbench.corpora.manifest import COLUMNS
from devbench.results import artifact, ledger, record, store
from helpers.documents import (
    COMMANDS,
    DOCUMENTS,
    ROOT,
    after,
    blocks,
    command_lines,
    first_cells,
    section,
    text_of,
)


@pytest.mark.parametrize(
    "words", [words for _, words in command_lines()], ids=lambda words: " ".join(words)[:60]
)
def test_every_command_line_is_one_that_exists(words: list[str]) -> None:
    if words[1:] == ["--help"]:
        return
    name = next(n for n in (" ".join(words[:3]), " ".join(words[:2])) if n in COMMANDS)
    command, arguments = COMMANDS[name], words[len(name.split()) :]
    context = click.Context(command, info_name=name)
    given, left, _ = command.make_parser(context).parse_args(list(arguments))
    assert not left
    for param in command.params:
        value = given.get(param.name or "")
        if value in (None, ()):
            assert not param.required, f"{param.name} is missing"
        elif isinstance(param.type, click.Choice | click.IntRange):
            param.type_cast_value(context, value)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented_and_no_other(name: str) -> None:
    words = section(text_of("docs/commands.md"), f"## `{name}`")
    told = {option.split()[0] for option in first_cells(words) if option.startswith("--")}
    options = [param for param in COMMANDS[name].params if isinstance(param, click.Option)]
    assert told == {o for param in options for o in (*param.opts, *param.secondary_opts)}
    for param in options:
        row = next(row for row in words.splitlines() if f"`{param.opts[0]}" in row)
        assert ("(required)" in row) == param.required, row
        for choice in param.type.choices if isinstance(param.type, click.Choice) else ():
            assert f"`{choice}`" in words, f"{name} {param.opts[0]} {choice}"


def test_every_command_has_its_section_and_an_example() -> None:
    text = text_of("docs/commands.md")
    assert sorted(re.findall(r"^## `(.*)`$", text, re.MULTILINE)) == sorted(COMMANDS)
    for name in COMMANDS:
        assert f"\n{name}" in "\n" + "\n".join(blocks(section(text, f"## `{name}`"), "bash"))
    top = {option for param in cli.params for option in param.opts}
    assert top <= set(first_cells(after(text, "    devbench [--version]")))


def test_names_in_command_lines_exist() -> None:
    """Methods, benchmarks and sources that the documents use by name."""
    methods = set(registry.installed("method")) | {"my-tilt", "floor-match", "basline", "$method"}
    for document, words in command_lines():
        if words[1] != "run":
            continue
        given = dict(itertools.pairwise(words))
        assert given["--method"] in methods, (document, words)
        devices = load_benchmark(given.get("--benchmark", "sim7")).devices
        assert given["--source"] in {*devices, "$source"}, (document, words)


def test_evidence_names_every_source() -> None:

    loop = re.findall(r"for source in (.*); do", text_of("docs/evidence.md"))
    assert sorted(loop[0].split()) == sorted(load_benchmark("sim7").devices)
    assert set(loop[1].split()) <= set(load_benchmark("mics7").devices)


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    for path in DOCUMENTS:
        told = re.findall(r"^(?:    |time )make ([a-z]+)", path.read_text(), re.MULTILINE)
        assert set(told) <= targets, path.name


# Hooks, types, formats.


def test_every_hook_and_its_arguments_are_documented() -> None:
    hooks = {
        name: list(inspect.signature(value).parameters)
        for name, value in vars(hookspecs).items()
        if name.startswith("devbench_") and inspect.isfunction(value)
    }
    assert len(hooks) == 8
    told = first_cells(section(text_of("docs/plugin-contract.md"), "## Hooks"))
    signatures = [f"{name}({', '.join(arguments)})" for name, arguments in hooks.items()]
    assert [cell for cell in told if cell.startswith("devbench_")] == signatures


def test_every_group_of_entry_points_is_documented() -> None:
    words = section(text_of("docs/plugin-contract.md"), "## Finding a plugin")
    for group in registry.GROUPS.values():
        assert f"`{group}`" in words


def fields_of(kind: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(kind) if not field.name.startswith("_")]


SIDE = [*fields_of(SideInformation), "frequency_responses", "unpaired", "labelled"]


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ("`MethodSpec` says", fields_of(MethodSpec)),
        ("`BackboneSpec`:", fields_of(BackboneSpec)),
        ("`FrontendSpec`:", fields_of(FrontendSpec)),
        ("`CorpusSpec`:", fields_of(CorpusSpec)),
        ("`Batch`,", fields_of(Batch)),
        ("`SideInformation`,", SIDE),
        ("`Artifact`,", fields_of(Artifact)),
        ("`FrequencyResponse`:", fields_of(FrequencyResponse)),
        ("`FeatureSpec`,", fields_of(FeatureSpec)),
    ],
)
def test_every_field_of_the_contract_is_documented(words: str, fields: list[str]) -> None:
    assert first_cells(after(text_of("docs/plugin-contract.md"), words)) == fields


def test_everything_in_a_workshop_is_documented() -> None:
    told = first_cells(after(text_of("docs/plugin-contract.md"), "`Workshop`, what"))
    functions = {n: f for n, f in vars(Workshop).items() if inspect.isfunction(f)}
    signatures = {
        f"{name}({', '.join(str(p).partition(':')[0] for p in parameters)})"
        for name, function in functions.items()
        if not name.startswith("_")
        for parameters in [list(inspect.signature(function).parameters.values())[1:]]
    }
    properties = {n for n, value in vars(Workshop).items() if isinstance(value, property)}
    assert set(told) == signatures | properties | set(Workshop.__annotations__)
    arguments = list(inspect.signature(SideInformation.artifact).parameters)[1:]
    assert first_cells(after(text_of("docs/plugin-contract.md"), "| argument |")) == arguments


def test_every_function_of_a_method_is_documented() -> None:
    own = {n: f for n, f in vars(Method).items() if inspect.isfunction(f)}
    told = first_cells(after(text_of("docs/plugin-contract.md"), "`Method` has five functions."))
    assert told == [
        f"{name}({', '.join(list(inspect.signature(f).parameters)[1:])})" for name, f in own.items()
    ]


def test_every_public_name_is_documented() -> None:
    text = text_of("docs/plugin-contract.md")
    for_notebooks = {name for name, room in devbench._PUBLIC.items() if room == "devbench.api"}
    told = re.findall(r"^## `devbench\.(\w+)`$", text_of("docs/notebooks.md"), re.MULTILINE)
    assert sorted(told) == sorted(for_notebooks)
    for name in set(devbench.__all__) - for_notebooks:
        if name != "__version__":
            assert re.search(rf"\b{name}\b", text), name
    for name in (*fields_of(Device), *fields_of(Clip)):
        assert f"`{name}`" in section(text, "## Types"), name


def test_access_and_tracks_are_documented() -> None:
    words = section(text_of("docs/plugin-contract.md"), "## Access and tracks")
    for kind in access.Access:
        assert f"`Access.{kind.name}` (`{kind.value}`)" in words
    assert first_cells(after(words, "| track |")) == list(access.TRACKS)
    for track in access.TRACKS:
        assert f"`{track}`" in section(text_of("README.md"), "## Words")


RECORD_MODELS = {
    "## `Record`": record.Record,
    "## `Plan`": record.Plan,
    "## `PartPlan`": record.PartPlan,
    "## `BenchmarkPlan`": record.BenchmarkPlan,
    "## `CorpusPlan`": record.CorpusPlan,
    "## `DeviceScore`": record.DeviceScore,
    "## `Summary`": record.Summary,
    "## `Model`": record.Model,
    "## `ArtifactUse`": record.ArtifactUse,
    "## `ArtifactMade`": record.ArtifactMade,
    "## Artifacts": artifact.ArtifactDocument,
    "## Identity of an artifact": artifact.Identity,
    "## `Epoch`": record.Epoch,
    "## `Checks`": record.Checks,
    "## Failures": store.Failure,
    "## Ledger entries": ledger.Entry,
}


def names_in_files(model: Any) -> list[str]:
    """Return the keys of a pydantic model as they stand in files."""
    return [field.serialization_alias or name for name, field in model.model_fields.items()]


@pytest.mark.parametrize("heading", RECORD_MODELS)
def test_every_field_of_a_record_is_documented(heading: str) -> None:
    told = first_cells(section(text_of("docs/record-format.md"), heading))
    assert told == names_in_files(RECORD_MODELS[heading])


def test_the_record_models_are_all_there() -> None:
    models = {
        name
        for name, value in vars(record).items()
        if inspect.isclass(value)
        and issubclass(value, record.Strict)
        and value is not record.Strict
    }
    headings = set(re.findall(r"^## `(\w+)`$", text_of("docs/record-format.md"), re.MULTILINE))
    assert headings == models | {"measured"}
    told = first_cells(section(text_of("docs/record-format.md"), "## `MethodPlan`"))
    assert told == [
        n for n in names_in_files(record.MethodPlan) if n not in record.PartPlan.model_fields
    ]


def test_the_corpus_folder_is_documented() -> None:
    text = text_of("docs/corpus-format.md")
    assert first_cells(after(text, "## corpus.toml")) == names_in_files(CorpusHeader)
    assert first_cells(after(text, "`[[devices]]`:")) == names_in_files(DeviceEntry)
    assert first_cells(after(text, "## manifest.csv")) == list(COLUMNS)
    assert set(first_cells(after(text, "`--clips`"))) >= set(sources.CLIP_COLUMNS)
    assert set(first_cells(after(text, "`--devices`:"))) >= set(build.DEVICE_COLUMNS)
    told = first_cells(after(text, "## Table for `data import`"))
    assert told == [*layouts.COLUMNS, *layouts.OPTIONAL]


def test_the_benchmark_file_is_documented() -> None:
    text = text_of("docs/benchmark-format.md")
    tables = {
        "| key | meaning |": benchmark.Benchmark,
        "`[splits]`": benchmark.Splits,
        "`[budgets.NAME]`:": benchmark.Budget,
        "`[limits]`": benchmark.Limits,
        "`[seeds]`:": benchmark.Seeds,
    }
    for words, model in tables.items():
        assert set(first_cells(after(text, words))) == set(names_in_files(model)), words
    assert set(benchmark.Features.model_fields) == set(fields_of(FeatureSpec))


def test_exit_codes_are_documented() -> None:
    codes = {name: value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", text_of("docs/exit-codes.md"), re.MULTILINE)
    assert {name: int(code) for code, name in rows} == codes
    words = r"0 done, 2 to (\d+) by what went wrong, 130 interrupted"
    told = re.search(words, text_of("README.md"))
    assert told and set(codes.values()) == {0, 1, 130, *range(2, int(told[1]) + 1)}


def test_states_of_failures_are_documented() -> None:
    told = set(first_cells(section(text_of("docs/exit-codes.md"), "## States of a failed run")))
    used = {"exception", "plugin", "data"}  # defaults
    for path in (ROOT / "devbench").rglob("*.py"):
        used |= set(re.findall(r'state="([a-z]+)"', path.read_text()))
    assert told == used


def test_statuses_of_rows_are_documented() -> None:
    from devbench.results import ranking

    source = inspect.getsource(ranking.status_of)
    reasons = re.findall(r'^ +f?"([a-z]+[^"]*)":', source, re.MULTILINE)
    shown = [re.sub(r"\{[^}]+\}/\{[^}]+\}", "n/m", reason) for reason in reasons]
    assert first_cells(after(text_of("docs/commands.md"), "| status |")) == [*shown, "ranked"]


def test_variables_of_the_environment_are_documented() -> None:
    from devbench.running.observe import CHOICE_VARIABLE
    from devbench.tracking.address import URI_VARIABLE

    used = {
        param.envvar for command in COMMANDS.values() for param in command.params if param.envvar
    }
    told = first_cells(after(text_of("docs/commands.md"), "| variable |"))
    assert set(told) == used | {CHOICE_VARIABLE, URI_VARIABLE, "NO_COLOR"}

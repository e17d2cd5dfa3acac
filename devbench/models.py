"""Strict models at every border: pydantic's errors in one line with file, key and expectation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from devbench.errors import ConfigurationError, DataError, DevbenchError
from devbench.files import parse_json, read_bytes

Model = TypeVar("Model", bound=BaseModel)


def validated(
    model: type[Model],
    data: Any,
    *,
    origin: str,
    error_type: type[DevbenchError] = ConfigurationError,
) -> Model:
    """Return data as a model, or raise error_type that names origin, key, value and expectation."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])[:120] or "the document"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        if first["type"] == "extra_forbidden":
            what, fix = f"unknown key {key!r}", "remove it, or check its spelling"
        elif first["type"] == "missing":
            what, fix = f"key {key!r} is missing", f"add {key}"
        else:
            what, fix = (
                f"{key} is {str(first['input'])[:80]!r}",
                first["msg"].removeprefix("Value error, "),
            )
        raise error_type(f"{origin}: {what}{more}", fix=fix) from error


def read_document(path: Path, model: type[Model], *, schema: int) -> Model:
    """Return the JSON document in a file; DataError for damage, or a newer schema than that."""
    found = parse_json(read_bytes(path), origin=str(path))
    held = found.get("schema") if isinstance(found, dict) else None
    if isinstance(held, int) and held > schema:
        raise DataError(
            f"{path}: schema {held} is newer than the {schema} this devbench reads",
            fix="update devbench",
        )
    return validated(model, found, origin=str(path), error_type=DataError)

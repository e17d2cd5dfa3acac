"""CSV tables that people write: every complaint names file, line, column and what was expected."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devbench.errors import ConfigurationError
from devbench.files import read_bytes, sha256_bytes

MAX_TABLE_BYTES = 64 * 2**20
MAX_LINES = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table, which knows where it stands.

    cells: by column; cells that are empty or whose column is absent read as ''.
    """

    path: Path
    line: int
    cells: dict[str, str]

    @property
    def place(self) -> str:
        """Return where the row stands in its table, for complaints about another row."""
        return f"line {self.line}"

    def get(self, column: str) -> str:
        """Return a cell's text without the spaces around it, '' where there is none."""
        return self.cells.get(column, "").strip()

    def text(self, column: str, *, longest: int = 200) -> str:
        """Return a cell that must be filled with 1 to longest printable characters."""
        value = self.get(column)
        if not value or len(value) > longest or not value.isprintable():
            raise self.refuse(column, f"1 to {longest} printable characters")
        return value

    def whole_number(self, column: str, *, default: int) -> int:
        """Return a cell as a number from 0, or default where it is empty."""
        value = self.get(column)
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise self.refuse(column, "a whole number from 0")
        return int(value)

    def file(self, column: str) -> Path:
        """Return the file that a cell names, relative to the table's folder."""
        value = self.text(column, longest=1000)
        path = self.path.parent / value
        if not path.is_file():
            raise self.refuse(column, f"a file that exists, relative to {str(self.path.parent)!r}")
        return path

    def refuse(self, column: str, expected: str) -> ConfigurationError:
        """Return the error that says what stands in a cell and what should."""
        return ConfigurationError(
            f"{self.path}: line {self.line}: column {column!r} is {self.get(column)[:80]!r}",
            fix=f"expected {expected}",
        )


@dataclass(frozen=True, slots=True)
class FileRow(Row):
    """What the place of a sound file in a folder tree says; path is the file itself."""

    @property
    def place(self) -> str:
        """Return the file, which is all there is to point at."""
        return repr(str(self.path))

    def file(self, column: str) -> Path:
        """Return the file itself."""
        return self.path

    def refuse(self, column: str, expected: str) -> ConfigurationError:
        """Return the error that names the file and what was made of its place."""
        return ConfigurationError(
            f"{self.path}: {column} is {self.get(column)[:80]!r}", fix=f"expected {expected}"
        )


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a CSV file and the hash of its bytes."""

    path: Path
    rows: tuple[Row, ...]
    sha256: str


def read_table(path: Path, *, required: Iterable[str], delimiter: str = ",") -> Table:
    """Return the rows of a CSV file that has all required columns and at least one row.

    Columns beside the required ones are kept. Raises ConfigurationError with file and line, and
    DataError where the file cannot be read.
    """
    data = table_bytes(path, at_most=MAX_TABLE_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{path}: line {line}: no UTF-8 text", fix="save the table as UTF-8 CSV"
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _require_columns(path, header, delimiter, list(required))
        rows = [_row(path, reader.line_num, header, cells) for cells in reader if cells]
    except csv.Error as error:
        raise ConfigurationError(
            f"{path}: line {reader.line_num}: {error}", fix="mend the quotes of that line"
        ) from error
    if not rows:
        raise ConfigurationError(f"{path}: no rows below the header", fix="add one row per clip")
    return Table(path, tuple(rows), sha256_bytes(data))


def table_bytes(path: Path, *, at_most: int) -> bytes:
    """Return the bytes of a table, or refuse more than can be held in memory row by row."""
    data = read_bytes(path, at_most=at_most)
    if len(data) > at_most:
        raise ConfigurationError(
            f"{path}: more than {at_most} bytes, and no more are read",
            fix="give the CSV table of clips, not the sound itself",
        )
    n_lines = data.count(b"\n")
    if n_lines > MAX_LINES:
        raise ConfigurationError(
            f"{path}: {n_lines} lines are more than the {MAX_LINES} that are read",
            fix="give one row per clip, or make several corpora of it",
        )
    return data


def _require_columns(path: Path, header: list[str], delimiter: str, required: list[str]) -> None:
    for name in required:
        if name not in header:
            raise ConfigurationError(
                f"{path}: line 1: column {name!r} is missing",
                fix=f"expected a header with {','.join(required)}"
                + (" between tabs" if delimiter == "\t" else ""),
            )
    for name in header:
        if header.count(name) > 1:
            raise ConfigurationError(
                f"{path}: line 1: column {name[:80]!r} stands twice", fix="keep one of them"
            )


def _row(path: Path, line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise ConfigurationError(
            f"{path}: line {line}: {len(cells)} cells where the header has {len(header)}",
            fix="give every row one cell per column; quote text that holds a comma",
        )
    return Row(path, line, dict(zip(header, cells, strict=True)))

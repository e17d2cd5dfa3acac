"""One base class for everything that can go wrong: what is wrong, and how to mend it.

Each class carries the exit code that the command line ends with (docs/exit-codes.md).
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_UNKNOWN_NAME = 3
EXIT_CONFIGURATION = 4
EXIT_DATA = 5
EXIT_PLUGIN = 6
EXIT_RUN = 7
EXIT_SWEEP = 8
EXIT_CHECK = 9
EXIT_TRACKING = 10
EXIT_INTERRUPTED = 130


class DevbenchError(Exception):
    """A mistake or a fault that devbench can name.

    what: the fact, with names in quotes and values shown.
    fix: the next step, as a command where there is one.
    """

    exit_code = EXIT_BUG

    def __init__(self, what: str, *, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n  fix: {self.fix}"


class UsageError(DevbenchError):
    """The command was called with arguments that do not fit together."""

    exit_code = EXIT_USAGE


class UnknownNameError(DevbenchError):
    """No plugin, benchmark, device or run has that name, or more than one has it."""

    exit_code = EXIT_UNKNOWN_NAME


class ConfigurationError(DevbenchError):
    """A benchmark, an option or a manifest says something that cannot be."""

    exit_code = EXIT_CONFIGURATION


class DataError(DevbenchError):
    """Audio, features, records or weights are missing, damaged or of another version."""

    exit_code = EXIT_DATA


class PluginError(DevbenchError):
    """A plugin cannot be loaded, or does what the contract forbids."""

    exit_code = EXIT_PLUGIN


class ContractError(PluginError):
    """A value that crosses the plugin contract does not fit its type."""


class AccessError(PluginError):
    """A method read side information that it did not declare."""


class RunError(DevbenchError):
    """A run that was well planned failed: NaN, memory, time or disk.

    state: one word for the record: exception, timeout, memory, nan, invalid, plugin, disk, killed.
    """

    exit_code = EXIT_RUN

    def __init__(self, what: str, *, fix: str, state: str = "exception") -> None:
        super().__init__(what, fix=fix)
        self.state = state


class CheckError(DevbenchError):
    """A verification or a comparison with the expected state failed."""

    exit_code = EXIT_CHECK


class TrackingError(DevbenchError):
    """The tracking store cannot be reached; records are complete without it."""

    exit_code = EXIT_TRACKING

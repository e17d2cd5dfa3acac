"""The command group: commands are imported when called; errors end in one line and a code."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from devbench import __version__
from devbench.errors import EXIT_BUG, EXIT_DATA, EXIT_INTERRUPTED, EXIT_RUN, DevbenchError
from devbench.talk import printable

# Paths and disks that the user can mend; any other OSError is a bug of devbench.
USER_ERRNOS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EEXIST, errno.ENOTDIR,
               errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOSPC,
               errno.EDQUOT)  # fmt: skip
COMMANDS = {
    "run": "Train one method on one source device and test it on all others.",
    "sweep": "Run every combination of methods, sources, seeds, folds and backbones.",
    "ls": "List methods, backbones, frontends, corpora, benchmarks, devices, runs or plugins.",
    "show": "Show a plugin with its options, a benchmark, or a run with its scores.",
    "verify": "Verify stored runs: files (V0), scores from logits (V1), logits from weights (V2).",
    "convert": "Write a sound as another device would have recorded it.",
    "converter": "Train, list, measure and hand on what methods learn once for many runs.",
    "leaderboard": "Rank methods per track from the records of a store.",
    "page": "Look at the leaderboard in a browser.",
    "compare": "Tell whether methods differ, with intervals and corrected p values.",
    "explain": "Ask why: what layers tell of devices, which bands decide, how devices differ.",
    "report": "Show one run or one method as a page: scores, mistakes, sounds.",
    "recommend": "Name the method for your devices, with the evidence.",
    "records": "Export records and logits, or add those of another machine or person.",
    "plugin": "Begin a plugin of your own, and hold one against the rules of the contract.",
    "data": "Build, import, check and describe corpora.",
    "track": "Mirror records in MLflow.",
    "doctor": "Check this installation and this store.",
}


class LazyGroup(click.Group):
    """A group that knows commands by name and help, and imports one when it is called.

    lazy: name to one line of help. modules: before the name, where the command's module is.
    """

    def __init__(
        self, *args: Any, lazy: Mapping[str, str], modules: str = "devbench.cli.", **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._lazy = lazy
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of use."""
        return [*self.commands, *self._lazy]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None for an unknown name."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        command: click.Command = importlib.import_module(f"{self._modules}{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Answer an unknown command with near names."""
        from devbench.contract.names import require_known

        if args and not args[0].startswith("-"):
            known = self.list_commands(ctx)
            require_known("command", args[0], known, list_command=f"{ctx.command_path} --help")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        own = [(name, command.get_short_help_str(80)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl([*own, *self._lazy.items()])


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="devbench")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Measure, and win back, what sound event classifiers lose when the microphone changes.

    \b
    devbench run --method umc-synth --source iphone14
    devbench leaderboard
    """


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with a documented code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    sys.exit(_exit_code(arguments, debug=debug))


def _exit_code(arguments: list[str], *, debug: bool) -> int:  # noqa: PLR0911 - one per kind
    stdout = sys.stdout
    try:
        result = cli.main(arguments, prog_name="devbench", standalone_mode=False)
        sys.stdout.flush()
    except DevbenchError as error:
        return _say(error, error.what, error.fix, code=error.exit_code, debug=debug)
    except click.exceptions.NoArgsIsHelpError as error:  # the command alone: show what it wants
        error.show()
        return error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "devbench"
        fix = f"see {path} --help"
        return _say(error, error.format_message(), fix, code=error.exit_code, debug=debug)
    except (click.Abort, KeyboardInterrupt):
        click.echo(
            "devbench: interrupted\n  fix: type the same command again to continue", err=True
        )
        return EXIT_INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:
        # click meets a broken pipe by putting another stdout in place and ending with 1; that a
        # reader has seen enough is no error
        if isinstance(error, SystemExit) and sys.stdout is stdout:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None or error.errno not in USER_ERRNOS:
            return _bug(error, debug=debug)
        what = f"{os.fsdecode(error.filename)[:200]!r}: {error.strerror}"
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        fix = "free some space" if is_full else "check the path and its permissions"
        return _say(error, what, fix, code=EXIT_RUN if is_full else EXIT_DATA, debug=debug)
    except Exception as error:  # noqa: BLE001 - the last line of defence against tracebacks
        return _bug(error, debug=debug)
    return result if isinstance(result, int) else 0


def _bug(error: Exception, *, debug: bool) -> int:
    what = f"a bug: {type(error).__name__}: {str(error)[:300]}"
    fix = "type the command again with --debug and report what it prints"
    return _say(error, what, fix, code=EXIT_BUG, debug=debug)


def _say(error: Exception, what: str, fix: str, *, code: int, debug: bool) -> int:
    """Print one line that says what is wrong and one that says what to do; return code."""
    if debug:
        import traceback

        click.echo(printable("".join(traceback.format_exception(error))), err=True, nl=False)
    lines = [" ".join(words.split()) for words in (what, fix)]
    click.echo(f"devbench: {printable(lines[0])}\n  fix: {printable(lines[1])}", err=True)
    return code

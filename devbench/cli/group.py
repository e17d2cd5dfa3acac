"""The command group: commands are imported when they are called; errors end in one line and a code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from devbench import __version__
from devbench.errors import EXIT_BUG, EXIT_INTERRUPTED, DevbenchError

COMMANDS = {
    "run": "Train one method on one source device and test it on all others.",
    "ls": "List methods, backbones, frontends, corpora, benchmarks, devices, runs or plugins.",
    "show": "Show a plugin with its options, a benchmark, or a run with its scores.",
    "verify": "Verify stored runs: files (V0), scores from logits (V1), logits from weights (V2).",
    "leaderboard": "Rank methods per track from the records of a store.",
    "records": "Export records and logits, or add those of another machine or person.",
    "data": "Build, import, check and describe corpora.",
    "track": "Mirror records in MLflow.",
    "doctor": "Check this installation and this store.",
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"devbench.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Answer an unknown command with near names."""
        from devbench.contract.names import require_known

        if args and not args[0].startswith("-"):
            require_known("command", args[0], COMMANDS, list_command="devbench --help")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="devbench")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Measure, and win back, what sound event classifiers lose when the microphone changes.

    \b
    devbench run --method freq-mixstyle --source iphone14
    devbench leaderboard
    """


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with a documented code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    sys.exit(_exit_code(arguments, debug=debug))


def _exit_code(arguments: list[str], *, debug: bool) -> int:
    try:
        result = cli.main(arguments, prog_name="devbench", standalone_mode=False)
        sys.stdout.flush()
    except DevbenchError as error:
        if debug:
            raise
        click.echo(f"devbench: {printable(str(error))}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(
            "devbench: interrupted\n  fix: type the same command again to continue", err=True
        )
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        click.echo(
            f"devbench: a bug: {type(error).__name__}: {printable(str(error))[:300]}\n"
            "  fix: type the command again with --debug and report what it prints",
            err=True,
        )
        return EXIT_BUG
    return result if isinstance(result, int) else 0


def printable(text: str) -> str:
    """Return text without control characters, so that a name cannot steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)

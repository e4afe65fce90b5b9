"""The verbs of the `coase` command, and what becomes of errors: one clear sentence, and an object with `--json`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from coase._version import __version__
from coase.cli import (
    bench,
    chain,
    channels,
    check,
    deals,
    demo,
    doctor,
    negotiate,
    new,
    registry,
    run_agents,
    simulate,
    tournament,
    wallet,
)
from coase.errors import CoaseError

app = typer.Typer(
    name="coase",
    help="Autonomous economic agents that negotiate, trade and settle models, data and GPU time.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("negotiate")(negotiate.negotiate)
app.command("check")(check.check)
app.add_typer(new.app, name="new")
app.command("run")(run_agents.run_agents)
app.add_typer(deals.app, name="deals")
app.add_typer(registry.app, name="registry")
app.command("tournament")(tournament.tournament)
app.add_typer(chain.app, name="chain")
app.add_typer(channels.app, name="channels")
app.add_typer(wallet.app, name="wallet")
app.command("simulate")(simulate.simulate)
app.command("bench")(bench.bench)
app.command("doctor")(doctor.doctor)

FAILED, USAGE, INTERRUPTED = 1, 2, 130


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"coase {__version__}")
        raise typer.Exit


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code. Errors of ours become a sentence, never a traceback."""
    as_json = "--json" in arguments
    if list(arguments) == ["--version"]:
        typer.echo(f"coase {__version__}")
        return 0
    try:
        code = app(args=list(arguments), prog_name="coase", standalone_mode=False)
    except CoaseError as error:
        return _report(error, as_json, FAILED)
    except TyperException as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        if not message:  # a group without a verb: its help has been printed
            return USAGE
        return _report(CoaseError(message, hint="see coase --help", code="usage"), as_json, USAGE)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


def _report(error: CoaseError, as_json: bool, code: int) -> int:
    if as_json:
        typer.echo(json.dumps({"error": error.as_dict()}))
    else:
        word = error.message.partition(" ")[0]  # a name stays as it is: My_haggler.py is another file
        sentence = error.message[:1].upper() + error.message[1:] if word.isalpha() else error.message
        typer.secho(f"Error: {sentence}", fg="red", err=True, bold=True)
        if error.hint:
            typer.echo(f"  {error.hint}", err=True)
    return code

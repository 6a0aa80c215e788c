# SPDX-License-Identifier: Apache-2.0
"""The command line: which commands there are, and the one error boundary.

stdout is data, stderr is narration. An error is one sentence and one hint on
stderr, and an exit code of `ExitCode`; never a traceback. Commands are loaded
when they are called, so that `ceremony --help` loads no screen and no network.
"""

from __future__ import annotations

import errno
import importlib
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress

import click

from ceremony.errors import CeremonyError, ExitCode

COMMANDS = {
    "rehearse": ("ceremony.cli.rehearse", "rehearse", "Hold a whole ceremony in practice mode."),
    "run": ("ceremony.cli.run", "run", "Hold a ceremony in production."),
    "resume": ("ceremony.cli.resume", "resume", "Go on with a ceremony that was interrupted."),
    "plan": ("ceremony.cli.plan", "plan", "Make, check, print and approve plans."),
    "tokens": ("ceremony.cli.tokens", "tokens", "Show the tokens that are plugged in."),
    "self-test": ("ceremony.cli.self_test", "self_test_command", "Test this program on this machine."),
    "fetch": ("ceremony.cli.fetch", "fetch_command", "Bring public keys and metadata from a server."),
    "publish": ("ceremony.cli.publish", "publish_command", "Publish what a ceremony signed."),
    "audit": ("ceremony.cli.audit", "audit_command", "Verify a ceremony folder."),
    "redact": ("ceremony.cli.redact", "redact_command", "Make a public copy, with personal data withheld."),
    "cosign": ("ceremony.cli.cosign", "cosign_command", "Sign the final head of a closed ceremony."),
    "view": ("ceremony.cli.view", "view_command", "Look at a ceremony folder, with its verdict."),
}

_RESUME = "a ceremony that was begun can be resumed: ceremony resume DIR"


class _Commands(click.Group):
    """The commands, each loaded when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.command("ceremony", cls=_Commands)
@click.version_option(package_name="ceremony")
def ceremony() -> None:
    """Hold offline root key ceremonies: guided, recorded, and verifiable years later."""


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code. Prints errors as a sentence and a hint on stderr."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # a library's remark to its programmer is nothing that an officer can act on
    try:
        result = ceremony.main(args=list(arguments), prog_name="ceremony", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return ExitCode.USAGE
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - the one error boundary: no traceback ever reaches a user
        if isinstance(error, SystemExit) and not error.code:  # so click ends when a shell asked it for completions
            return ExitCode.DONE
        return _say(*_ending(error))
    return int(result) if isinstance(result, int) else ExitCode.DONE


def _ending(error: BaseException) -> tuple[str, str, ExitCode]:
    """Return sentence, hint and exit code for whatever a command ended with."""
    if isinstance(error, CeremonyError):
        return error.message, error.hint, error.exit_code
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return "it was interrupted", _RESUME, ExitCode.INCOMPLETE
    if isinstance(error, click.ClickException):
        return *_usage(error), ExitCode.USAGE
    if isinstance(error, SystemExit):  # so click ends when nobody reads the output any more
        return "the output was closed before all of it was written", f"let it be read to its end; {_RESUME}", ExitCode.FAILED
    return *_unexpected(error), ExitCode.FAILED


def _usage(error: click.ClickException) -> tuple[str, str]:
    """Return sentence and hint for a command line that was not understood."""
    message = error.format_message().removesuffix(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return message[:1].lower() + message[1:], f"{context.command_path if context else 'ceremony'} --help"


def _unexpected(error: BaseException) -> tuple[str, str]:
    """Return sentence and hint for an error nobody foresaw: its type and place, never its text, which may hold a secret."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        if module.partition(".")[0] == "ceremony":
            place = f" at {module}:{trace.tb_lineno}"
        trace = trace.tb_next
    cause = f" {errno.errorcode.get(error.errno or 0, '')}".rstrip() if isinstance(error, OSError) else ""
    return f"something unexpected happened: {type(error).__name__}{cause}{place}", f"note this line; {_RESUME}"


def _say(message: str, hint: str, code: ExitCode) -> ExitCode:
    with suppress(OSError):  # nobody may be there to read it
        click.echo(f"ceremony: {_line(message)}", err=True)
        click.echo(f"hint: {_line(hint)}", err=True)
    return code


def _line(text: str) -> str:
    """Return the text as one line that cannot steer a terminal: file names may hold anything."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))

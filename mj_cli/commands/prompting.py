"""Commands that take a prompt as people know it: words and parameters without quotes."""

from __future__ import annotations

import sys
from typing import Any

from mj_cli.commands.shared import Command
from mj_cli.errors import MjError, UsageError
from mj_cli.session import Session


class PromptCommand(Command):
    """A command whose arguments are a prompt, its parameters, and options of mj, in any order."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Hand the options to the parser, and words and parameters on as the prompt."""
        from mj_cli.prompts.arguments import divide  # noqa: PLC0415
        from mj_cli.prompts.table import table  # noqa: PLC0415

        options = {
            name: not getattr(parameter, "is_flag", False)
            for parameter in self.get_params(ctx)
            for name in parameter.opts
            if name.startswith("--")
        }
        divided = divide(args, options=options, table=table())
        prompt = ["--", *divided.prompt] if divided.prompt else []
        return super().parse_args(ctx, [*divided.options, *prompt])

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List mj's options, then the parameters that people use most."""
        super().format_options(ctx, formatter)
        from mj_cli.prompts.table import table  # noqa: PLC0415

        rows = [
            (
                ", ".join(f"--{name}" for name in (row.name, *row.aliases)),
                row.meaning[:1].upper() + row.meaning[1:] + ".",
            )
            for row in table().rows
            if row.common
        ]
        with formatter.section("Prompt parameters (mj prompt --explain NAME shows more)"):
            formatter.write_dl(rows)


def prompt_text(words: list[str]) -> str:
    """Return the prompt's text: the words, with stdin in the place of a lone first hyphen.

    Raises:
        UsageError: when stdin is not text.
    """
    if words[:1] != ["-"]:
        return " ".join(words)
    try:
        return " ".join([sys.stdin.read(), *words[1:]])
    except UnicodeDecodeError as error:
        raise UsageError(f"stdin is not UTF-8 text: {error}", hint="nothing was sent") from error


def refuse_errors(session: Session, text: str, findings: Any) -> None:
    """Show what the checks found, and stop at errors.

    Raises:
        UsageError: for errors; for programs, a single one with the finding's own words.
    """
    from mj_cli.prompts.findings import Level  # noqa: PLC0415

    errors = [one for one in findings if one.level is Level.ERROR]
    for one in findings:
        session.output.finding(one, text)
    if not errors:
        return
    slugs = " ".join(f"--allow {slug}" for slug in dict.fromkeys(one.slug for one in errors))
    if len(errors) == 1 and session.shared.json:  # elsewhere its sentence stands right above
        raise _refusal(errors[0].message, errors[0].fix, errors[0].slug, slugs)
    kinds = ", ".join(dict.fromkeys(one.slug for one in errors))
    count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    raise _refusal(f"the prompt has {count} ({kinds})", None, "prompt", slugs)


def _refusal(message: str, fix: str | None, slug: str, slugs: str) -> MjError:
    better = f"write {fix!r}; " if fix and fix.strip() else ""
    return UsageError(
        message, hint=f"{better}nothing was sent; {slugs} sends it as it is", slug=slug
    )

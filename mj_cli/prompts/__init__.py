"""Prompts: what may be sent as one."""

from __future__ import annotations

from mj_cli.errors import UsageError
from mj_cli.models import MAX_PROMPT_BYTES


def check_prompt(text: str) -> str:
    """Return a prompt that can be sent: white space at its ends and line breaks folded.

    Raises:
        UsageError: when it is empty, too long, or holds what no prompt holds.
    """
    prompt = " ".join(text.split("\n")).replace("\r", " ").strip()
    if not prompt:
        raise UsageError("the prompt is empty", hint="try: mj submit a red fox in the snow")
    try:
        size = len(prompt.encode())
    except UnicodeEncodeError:
        raise UsageError("the prompt is not valid text", hint="write it in UTF-8") from None
    if size > MAX_PROMPT_BYTES:
        raise UsageError(
            f"the prompt has {size} bytes, more than the {MAX_PROMPT_BYTES} that the service takes",
            hint="shorten it; nothing was sent",
        )
    if "\0" in prompt:
        raise UsageError("the prompt holds a NUL character", hint="remove it; nothing was sent")
    return prompt

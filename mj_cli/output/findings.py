"""Findings in a prompt as lines: for a person with the place marked, and for editors and CI."""

from __future__ import annotations

from mj_cli.output.text import visible
from mj_cli.prompts.explain import Explanation
from mj_cli.prompts.findings import Finding

WINDOW = 72
LEAD = 24


def marked(finding: Finding, text: str) -> list[str]:
    """Return a finding as a sentence and the place in the text under it."""
    first = max(finding.start - LEAD, 0)
    window = text[first : first + WINDOW]
    before = visible(window[: finding.start - first])
    place = visible(window[finding.start - first : finding.end - first])
    after = visible(window[finding.end - first :])
    left = "..." if first else ""
    right = "..." if first + WINDOW < len(text) else ""
    fix = f" {visible(finding.fix.strip())}" if finding.fix and finding.fix.strip() else ""
    marks = " " * (len(left) + len(before)) + "^" * max(len(place), 1)
    return [
        f"{finding.level}: {finding.message} [{finding.slug}]",
        f"    {left}{before}{place}{after}{right}",
        f"    {marks}{fix}",
    ]


def editor_lines(explanation: Explanation) -> list[str]:
    """Return findings as `file:line:column: level: sentence [slug]`, columns counted from 1."""
    return [
        visible(
            f"{explanation.file}:{explanation.line}:{one.start + 1}:"
            f" {one.level}: {one.message} [{one.slug}]"
        )
        for one in explanation.findings
    ]


def described(explanation: Explanation) -> list[str]:
    """Return how a prompt was understood, line by line."""
    lines = [f"image        {image}" for image in explanation.images]
    lines.append(f"text         {explanation.text or '(none)'}")
    written = [" ".join([one.written, *one.values]) for one in explanation.parameters]
    width = min(max((len(text) for text in written), default=0), 32)
    for text, one in zip(written, explanation.parameters, strict=True):
        default = f" (default {one.default})" if one.default else ""
        meaning = f"{one.meaning}{default}" if one.name else "unknown"
        lines.append(f"parameter    {text:<{width}}  {meaning}")
    said = "as the prompt says" if explanation.version_given else "assumed, today's default"
    lines.append(f"version      {explanation.version} ({said})")
    if explanation.mode is not None:
        lines.append(f"mode         {explanation.mode}, by the prompt's own word")
    for finding in explanation.findings:
        lines += marked(finding, explanation.prompt)
    lines.append(f"normalised   {explanation.normalised}")
    lines.append(f"fingerprint  {explanation.fingerprint}")
    return lines

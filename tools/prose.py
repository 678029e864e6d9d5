"""The lints of prose (CONTRIBUTING.md has the rules). Each takes Markdown and gives what is wrong with it."""

import re
from collections.abc import Iterator

NEEDS_NUMBER = (
    r"\b(simpl[ey]|versatile|interpretable|powerful|crucial(ly)?|robust(ly|ness)?|significant(ly)?)\b"
    r"|\bprior to training\b"
)
NUMBER = r"\d|\b(zero|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|hundred|thousand|half|third|quarter)\b"
PHRASES = (
    r"\bin this (chapter|section|notebook|page|book),? (we|you|I)\b",
    r"\blet['’]s\b",
    r"\blet us\b",
    r"\b(div|delv)(e|es|ing) (in|into|deep)\b",
    r"\bwe will (now )?(see|look|explore|discuss)\b",
    r"\b(important|worth) (to note|noting)\b",
    r"\bas (we|you) can see\b",
    r"\bin a nutshell\b",
    r"\bnot (only|just|merely)\b",
    r"\bgame.changer\b",
    r"\bstate.of.the.art\b",
)
HEADINGS = r"^#+ (introduction|overview|key takeaways|takeaways|conclusions?|background|motivation)\s*$"
AMERICAN = (
    r"\b(behaviors?|colors?|colored|centers?|centered|neighbors?|favors?|labeled|labeling|modeling|gray"
    r"|analyz(e|es|ed|ing))\b"
)
EQUATION = r"\$\$.+?\$\$"
BLANKED = (r"```.*?```", r"`[^`\n]*`", r"“[^”]*”", r'"[^"\n]*"', r"^>.*$", r"\]\([^)]*\)", r"<[^>]+>")


def words(markdown: str) -> str:
    """The prose alone: a formula becomes a number; code, quotations, links' targets and HTML tags go."""
    text = re.sub(EQUATION + r"|\$[^$\n]+\$", " 0 ", markdown, flags=re.DOTALL)
    for pattern in BLANKED:
        text = re.sub(pattern, " ", text, flags=re.DOTALL if pattern.startswith("```") else re.MULTILINE)
    return text


def unbacked(markdown: str) -> Iterator[str]:
    """Words of praise without a number in their sentence."""
    for sentence in re.split(r"(?<=[.!?])\s+|\n\s*\n", words(markdown)):
        found = re.search(NEEDS_NUMBER, sentence, re.IGNORECASE)
        if found and not re.search(NUMBER, sentence, re.IGNORECASE):
            yield f"“{found[0]}” without a number beside it"


def phrases(markdown: str) -> Iterator[str]:
    """Sentences that announce or decorate, and headings that say nothing of their page."""
    text = words(markdown)
    yield from (f"“{found[0]}” announces or decorates" for p in PHRASES if (found := re.search(p, text, re.IGNORECASE)))
    found = re.search(HEADINGS, text, re.IGNORECASE | re.MULTILINE)
    if found:
        yield f"the heading “{found[1]}” says nothing of its page"


def spelling(markdown: str) -> Iterator[str]:
    """American spellings."""
    yield from (f"“{found[0]}” is not British" for found in re.finditer(AMERICAN, words(markdown), re.IGNORECASE))


def pictures(markdown: str) -> Iterator[str]:
    """Pictures without a description."""
    if re.search(r"!\[\s*\]\(", markdown):
        yield "a picture without alt text"


def plain(markdown: str) -> Iterator[str]:
    """What a notebook may not use, because Colab and GitHub show it as raw text or the page loses it."""
    if re.search(r"^\s*(```+|:::+)\{", markdown, re.MULTILINE):
        yield "a directive shows as raw text in Colab"
    roles = re.findall(r"\{([a-z:]+)\}`", markdown)
    yield from (f"the role {{{role}}} shows as raw text in Colab" for role in roles if role not in ("cite", "numref"))
    if any(not alone(markdown, block) for block in re.finditer(EQUATION, markdown, re.DOTALL)):
        yield "an equation between $$ stands alone, with a blank line before and after it"
    if re.search(r"^\s*\\begin\{", re.sub(EQUATION, "", markdown, flags=re.DOTALL), re.MULTILINE):
        yield "an environment stands between $$"
    folds = re.sub(r"<details>\s*<summary>", "", markdown)
    if re.search(r"<details>|</summary>[ \t]*\n[^\n]", folds):
        yield "<details> is followed by its <summary>, and a blank line after that"


def alone(markdown: str, block: re.Match) -> bool:
    """Whether nothing stands beside the block or on the lines next to it."""
    before, after = markdown[: block.start()].rstrip(" >"), markdown[block.end() :].lstrip(" ")
    return (not before or before.endswith(("\n\n", "\n>\n"))) and (not after.strip() or after.startswith("\n\n"))


def citations(markdown: str, keys: set[str]) -> Iterator[str]:
    """Keys that the bibliography lacks."""
    cited = (key.strip() for group in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", markdown) for key in group.split(","))
    yield from (f"{{cite}}`{key}` is not in references.bib" for key in cited if key not in keys)

"""Scripts as pages get them: what is written for people who read the source stays at home."""

import re

COMMENT_BLOCK = re.compile(r"^[ \t]*/\*\*.*?\*/[ \t]*\n", re.MULTILINE | re.DOTALL)
COMMENT_LINE = re.compile(r"^[ \t]*//.*\n", re.MULTILINE)
# A quote after it could end a string that the comment's sign is part of: such a comment stays.
COMMENT_BEHIND = re.compile(r"[ \t]+// [^\"'`\n]*$", re.MULTILINE)
INDENT = re.compile(r"^\s+", re.MULTILINE)


def shipped(script: str) -> str:
    """The script without comments, indentation and empty lines; line breaks stay, and with them its meaning.

    It knows no JavaScript, only our way of writing it: a string ends on the line on which it begins.
    Raises ValueError for a template string over several lines, in which blanks count.
    """
    for pattern, replacement in ((COMMENT_BLOCK, ""), (COMMENT_LINE, ""), (COMMENT_BEHIND, ""), (INDENT, "")):
        script = pattern.sub(replacement, script)
    for line in script.splitlines():
        if line.count("`") % 2:
            raise ValueError(f"a template string goes on over the end of its line: {line}: join strings in its place")
    return script

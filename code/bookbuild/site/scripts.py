"""The live pieces' scripts as a page loads them: without their comments, which are for who reads the source."""

from pathlib import Path

from pygments.lexers.javascript import JavascriptLexer
from pygments.token import Comment


def serve_without_comments(folder: Path) -> None:
    """Take the comments out of each script that a build has put into this folder."""
    for path in sorted(folder.glob("*.js")):
        path.write_text(without_comments(path.read_text(encoding="utf-8")), encoding="utf-8")


def without_comments(script: str) -> str:
    """The script with its comments gone, and else as it was: texts and patterns that only look like comments stay."""
    tokens = JavascriptLexer().get_tokens_unprocessed(script)
    return "".join(text for _, kind, text in tokens if kind not in Comment)

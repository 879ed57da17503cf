"""A page's policy: what it names, and that it stands before all that it rules."""

import base64
import hashlib

import pytest

from bookbuild.site.policy import with_policy

PAGE = (
    '<html><head><meta charset="utf-8"><script>one()</script><style>p { color: red }</style></head>'
    '<body><script type="application/json">{}</script><script src="a.js"></script><script>one()</script></body></html>'
)


def hashed(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_a_page_may_run_its_own_files_and_its_inline_scripts_by_their_hash() -> None:
    policed = with_policy(PAGE)
    policy = policed.partition('Content-Security-Policy" content="')[2].partition('"')[0]
    rules = {name: sources for name, *sources in (rule.split() for rule in policy.split("; "))}
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == ["'self'", hashed("one()")]
    assert rules["style-src"] == ["'self'", hashed("p { color: red }")]
    assert all("http" not in source and "*" not in source for sources in rules.values() for source in sources)
    assert "unsafe" not in policy
    assert policed.index("Content-Security-Policy") < policed.index("<script>")


def test_a_page_without_its_encoding_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        with_policy("<html></html>")

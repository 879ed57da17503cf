"""The Content-Security-Policy of a page: it may load and run what is the site's own, and nothing else.

A static site cannot count on its host's headers, so the policy stands in the page. Its inline scripts, Material's and
ours, are named by their hash: a script that something slips into the page has none.
"""

import base64
import hashlib
import re

SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)
STYLE = re.compile(r"<style[^>]*>(?P<code>.*?)</style>", re.DOTALL)
CHARSET = re.compile(r'<meta charset="utf-8">', re.IGNORECASE)


def with_policy(page: str) -> str:
    """The page with its policy, right after the line that names its encoding.

    Raises ValueError if there is no such line: the policy must stand before all that it rules.
    """
    scripts = [
        match["code"]
        for match in SCRIPT.finditer(page)
        if "src=" not in match["attributes"] and "json" not in match["attributes"]
    ]
    styles = [match["code"] for match in STYLE.finditer(page)]
    rules = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *_hashes(scripts)],
        "style-src": ["'self'", *_hashes(styles)],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    policy = "; ".join(f"{name} {' '.join(sources)}" for name, sources in rules.items())
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    policed, count = CHARSET.subn(lambda match: match[0] + tag, page, count=1)
    if count != 1:
        raise ValueError(
            "the page does not say its encoding, so its policy has no place: look at the theme's base.html"
        )
    return policed


def _hashes(texts: list[str]) -> list[str]:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return [f"'sha256-{digest}'" for digest in dict.fromkeys(digests)]

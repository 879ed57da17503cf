"""The package's pages are rendered once, and anew as soon as anything that they show has changed."""

from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from bookbuild.project import Project
from bookbuild.site import reference

HOOKS = """
from pathlib import Path
from bookbuild.project import Project
from bookbuild.site.reference import remember_reference

def on_pre_page(page, config, files):
    remember_reference(page, Project(Path(config.config_file_path).parent))
    return page
"""
SETTINGS = """
site_name: Small
site_url: http://127.0.0.1:8000/
strict: true
theme: {name: mkdocs}
hooks: [hooks.py]
plugins:
  - mkdocstrings:
      handlers: {python: {paths: [code], options: {show_source: true, heading_level: 2, show_if_no_docstring: true}}}
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")  # MkDocs' own theme names the time of the build
    project = Project(tmp_path)
    package = tmp_path / "code" / "gptbook"
    (package).mkdir(parents=True)
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "base.py").write_text(
        'class Base:\n    """Words of the base."""\n\n\ndef kept():\n    """It stays."""\n'
    )
    (package / "derived.py").write_text(
        'from gptbook.base import Base\n\n\nclass Derived(Base):\n    """Words of the derived."""\n'
    )
    for name in ("base", "derived"):
        (tmp_path / "docs" / "reference" / f"{name}.md").write_text(f"# gptbook.{name}\n\n::: gptbook.{name}\n")
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n[one](reference/base.md#gptbook.base.kept)\n")
    (tmp_path / "hooks.py").write_text(HOOKS)
    (tmp_path / "mkdocs.yml").write_text(SETTINGS)
    return project


def pages(project: Project) -> dict[str, str]:
    site = project.root / "site"
    build(load_config(str(project.root / "mkdocs.yml"), site_dir=str(site)))
    return {path.relative_to(site).as_posix(): path.read_text() for path in sorted(site.rglob("*.html"))}


def test_a_remembered_page_is_the_page_and_its_links_are_too(small: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = pages(small)
    assert 'href="../base/#gptbook.base.Base"' in fresh["reference/derived/index.html"]
    with monkeypatch.context() as patched:
        patched.setattr(reference, "_rendered", lambda *arguments: pytest.fail("rendered again"))
        assert pages(small) == fresh


def test_a_changed_docstring_is_on_its_page_and_a_moved_definition_where_it_is_named(small: Project) -> None:
    pages(small)
    base = small.root / "code" / "gptbook" / "base.py"
    base.write_text(base.read_text().replace("Words of the base", "Other words"))
    found = pages(small)["reference/base/index.html"]
    assert "Other words" in found
    assert "Words of the base" not in found
    base.write_text(base.read_text().replace("class Base:", "class Base(dict):"))
    assert "dict" in pages(small)["reference/base/index.html"]


def test_a_changed_setting_or_page_is_seen(small: Project) -> None:
    before = pages(small)["reference/base/index.html"]
    assert "Source code" in before
    settings = small.root / "mkdocs.yml"
    settings.write_text(settings.read_text().replace("show_source: true", "show_source: false"))
    assert "Source code" not in pages(small)["reference/base/index.html"]
    page = small.root / "docs" / "reference" / "base.md"
    page.write_text(page.read_text() + "\nOne more sentence.\n")
    assert "One more sentence." in pages(small)["reference/base/index.html"]

"""The order of the chapters, the drawings, and what an author's mistake in them says."""

from pathlib import Path

import pytest

from bookbuild.chapters.book import chapter_names, draw, draw_all, read_chapters
from bookbuild.chapters.chapter import BuildError
from bookbuild.project import Project


def test_the_navigation_gives_the_order_and_the_parts() -> None:
    nav = [{"Home": "index.md"}, {"Part": ["part/b.py", {"Title": "part/a.py"}, "part/words.md"]}]
    assert chapter_names(nav) == [("Part", "part/b.py"), ("Part", "part/a.py")]


def test_a_chapter_that_does_not_exist_is_named(project: Project) -> None:
    with pytest.raises(BuildError, match=r"docs/part/none\.py does not exist"):
        read_chapters(["part/none.py"], project)


def test_every_drawing_says_what_it_shows_and_is_drawn_alike_twice(project: Project) -> None:
    drawings = draw_all(project)
    assert drawings == {
        slug: drawing for path in (project.docs_dir / "figures").glob("*.py") for slug, drawing in draw(path).items()
    }
    assert len(drawings) >= 9
    for slug, drawing in drawings.items():
        assert drawing.startswith("<svg"), slug
        assert "<title>" in drawing or "aria-label" in drawing, slug


def test_every_drawing_is_used(project: Project) -> None:
    pages = [
        path.read_text(encoding="utf-8") for path in project.docs_dir.rglob("*.py") if path.parent.name != "figures"
    ]
    pages += [path.read_text(encoding="utf-8") for path in project.docs_dir.rglob("*.md")]
    unused = [slug for slug in draw_all(project) if not any(f"figures/{slug}.svg" in page for page in pages)]
    assert unused == []


def test_a_drawing_that_fails_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("def figure() -> str:\n    return 1 / 0\n", encoding="utf-8")
    with pytest.raises(BuildError, match=r"docs/figures/broken.py:2: ZeroDivisionError"):
        draw(path)


def test_a_file_draws_one_figure_by_its_name_or_several_by_theirs(tmp_path: Path) -> None:
    one, several = tmp_path / "one.py", tmp_path / "several.py"
    one.write_text("def figure(): return '<svg/>'", encoding="utf-8")
    several.write_text("def figures(): return {'a': '<svg/>', 'b': '<svg></svg>'}", encoding="utf-8")
    assert draw(one) == {"one": "<svg/>"}
    assert draw(several) == {"a": "<svg/>", "b": "<svg></svg>"}


def test_two_files_that_draw_the_same_figure_are_named(project: Project, tmp_path: Path) -> None:
    figures = tmp_path / "docs" / "figures"
    figures.mkdir(parents=True)
    (figures / "a.py").write_text("def figure(): return '<svg/>'", encoding="utf-8")
    (figures / "b.py").write_text("def figures(): return {'a': '<svg/>'}", encoding="utf-8")
    with pytest.raises(BuildError, match=r"docs/figures/b\.py: draws a,"):
        draw_all(Project(tmp_path))

"""The pages around the chapters say what the tables and the package say."""

import csv
import re

import pytest

from bookbuild.chapters.chapter import read_chapter
from bookbuild.project import Project
from gptbook.data.tables import read_table

ENTRY = re.compile(r"^### (.+?) \{#.+?\}\n\n(.+)$", re.MULTILINE)
WORK = re.compile(r"^- [^*]*\*(?!\*)(.+?)\*", re.MULTILINE)
"""A title in a list of further reading, which stands in italics."""
BOLD = re.compile(r"\*\*([^*\n]+?)\*\*")


def plain(text: str) -> str:
    """Small letters and digits only, so that titles are alike however they are set."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def prose(project: Project) -> dict[str, str]:
    """What each chapter says outside its code, captions included, by `part/slug.py`."""
    texts = {}
    for path in sorted(project.docs_dir.glob("*/*.py")):
        if path.parent.name != "figures":
            chapter = read_chapter(path, project.docs_dir)
            said = "\n".join(
                cell.source if cell.kind == "markdown" else cell.options.get("caption", "") for cell in chapter.cells
            )
            texts[chapter.name] = re.sub(r"\{\{.*?\}\}", "0", said)
    return texts


def stems(term: str) -> list[str]:
    """The beginnings of a term's words, by which singular and plural are one."""
    return [word[: max(4, len(word) - 2)] for word in plain(term).split() if word not in ("and", "of")]


@pytest.fixture
def data_page(project: Project) -> str:
    return (project.docs_dir / "data.md").read_text(encoding="utf-8")


def test_the_data_page_has_every_model_with_its_size_and_source(project: Project, data_page: str) -> None:
    with (project.data_dir / "models.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        size = f"{int(row['parameters']):,}" if row["parameters"] else "undisclosed"
        size += ", mixture of experts" if row["kind"] == "mixture of experts" else ""
        line = f"- {row['date']} · **{row['name']}**, {row['organisation']}: {size}  \n      {row['source']}"
        assert line in data_page
    assert data_page.count(" · **") == len(rows)
    undisclosed = sum(not row["parameters"] for row in rows)
    first, last = rows[0]["date"][:4], rows[-1]["date"][:4]
    assert f"{len(rows)} language models from {first} to {last}, {undisclosed} of them of undisclosed" in data_page


def test_the_data_page_counts_the_cities(project: Project, data_page: str) -> None:
    cities = read_table(project.data_dir / "cities.csv")
    names, countries = cities["name"].nunique(), cities["country"].nunique()
    assert f"{len(cities):,} rows, {names:,} different names, from {countries} countries" in data_page


def test_the_data_page_counts_the_clubs(project: Project, data_page: str) -> None:
    assert f"{len(read_table(project.data_dir / 'teams.csv'))} football clubs" in data_page


def test_the_data_page_names_every_column(project: Project, data_page: str) -> None:
    for path in sorted(project.data_dir.glob("*.csv")):
        for column in read_table(path).columns:
            assert f"`{column}`" in data_page, f"{path.name}: {column}"


def test_every_module_has_its_place_on_its_wings_page_and_its_line_in_the_list(project: Project) -> None:
    package, reference = project.root / "code" / "gptbook", project.docs_dir / "reference"
    listed = (reference / "index.md").read_text(encoding="utf-8")
    modules = [path for path in package.rglob("[a-z]*.py") if "__" not in path.name]
    for path in modules:
        name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        wing = name.split(".")[1]
        assert f"[`{path.stem}`]({wing}.md#{name}) |" in listed or f"[`{path.stem}`]({wing}.md) |" in listed, name
        page = (reference / f"{wing}.md").read_text(encoding="utf-8")
        assert f"\n## {path.stem} {{ #{name} }}\n\n::: {name}\n" in page
    assert {path.stem for path in reference.glob("*.md")} - {"index"} == {
        path.relative_to(package).with_suffix("").parts[0] for path in modules
    }


def test_every_work_of_further_reading_stands_among_the_sources(project: Project) -> None:
    sources = plain((project.docs_dir / "sources.md").read_text(encoding="utf-8"))
    for name, text in prose(project).items():
        works = WORK.findall(text.partition("## Further reading")[2])
        assert works, name
        for work in works:
            assert plain(work) in sources, f"{name}: {work}"


def test_every_term_in_bold_has_its_entry_in_the_glossary(project: Project) -> None:
    """A run-in that ends with a full stop is the head of a paragraph, and no term."""
    entries = [plain(" ".join(entry)) for entry in ENTRY.findall((project.docs_dir / "glossary.md").read_text("utf-8"))]
    for name, text in prose(project).items():
        for term in BOLD.findall(text):
            if not term.endswith("."):
                assert any(all(stem in entry for stem in stems(term)) for entry in entries), f"{name}: {term}"


def test_the_chapters_that_an_entry_names_say_its_words(project: Project) -> None:
    texts = {name: plain(text) for name, text in prose(project).items()}
    entries = ENTRY.findall((project.docs_dir / "glossary.md").read_text(encoding="utf-8"))
    assert len(entries) > 100
    for term, entry in entries:
        chapters = re.findall(r"\]\((\S+?\.py)\)", entry)
        assert chapters, term
        for chapter in chapters:
            assert all(stem in texts[chapter] for stem in stems(term)), f"{chapter} does not explain {term}"


def test_where_a_club_plays_is_a_stadium_in_everything_that_speaks_of_clubs(project: Project) -> None:
    """A reader, and a model that learns from our dialogues, should meet one word for it."""
    kinds = {".py", ".md", ".js", ".csv", ".json"}
    folders = (project.docs_dir, project.data_dir, project.root / "code" / "gptbook")
    texts = {
        path: path.read_text(encoding="utf-8")
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.suffix in kinds
    }
    about_clubs = {path: text for path, text in texts.items() if re.search("club", text, re.IGNORECASE)}
    assert any("stadium" in text for text in about_clubs.values())
    other_word = re.compile(r"(?<![a-z])grounds?(?![a-z])", re.IGNORECASE)
    assert {str(path): other_word.findall(text) for path, text in about_clubs.items() if other_word.search(text)} == {}

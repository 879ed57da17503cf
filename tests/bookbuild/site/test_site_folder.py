"""Where the site goes: nothing of the reader's is ever replaced or removed."""

from pathlib import Path

import pytest

from bookbuild.chapters.chapter import BuildError
from bookbuild.project import Project
from bookbuild.site.site_folder import LIST, checked_site_dir, files_in, put_site, remove_site


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "home" / "book"
    for name in ("docs", "code", "data", "tests", ".git"):
        (root / name).mkdir(parents=True)
    return Project(root)


def built(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / f"built-{len(list(tmp_path.iterdir()))}"
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in files_in(folder)}


def test_a_new_site_replaces_the_one_before_and_removes_what_it_no_longer_has(tmp_path: Path) -> None:
    site = tmp_path / "site"
    put_site(built(tmp_path, index="1", old__page="x", kept__page="y"), site)
    put_site(built(tmp_path, index="2", kept__page="y"), site)
    assert contents(site) == {"index": "2", "kept/page": "y"}
    assert not (site / "old").exists()


def test_what_the_reader_puts_beside_the_site_stays(tmp_path: Path) -> None:
    site = tmp_path / "site"
    put_site(built(tmp_path, index="1", page__index="x"), site)
    (site / "page" / "notes.md").write_text("mine")
    (site / "empty").mkdir()
    put_site(built(tmp_path, index="2"), site)
    assert contents(site) == {"index": "2", "page/notes.md": "mine"}
    assert (site / "empty").is_dir()
    assert remove_site(site) == ["page/notes.md"]
    assert contents(site) == {"page/notes.md": "mine"}


@pytest.mark.parametrize("later", [{"index": "2", "notes": "new"}, {"index": "2", "notes__x": "new"}, {"index": "2"}])
def test_what_the_reader_wrote_or_changed_where_a_file_must_go_stops_the_build(
    tmp_path: Path, later: dict[str, str]
) -> None:
    site = tmp_path / "site"
    put_site(built(tmp_path, index="1", download="notebook"), site)
    (site / "notes").write_text("mine")
    (site / "download").write_text("notebook, with my own answers")
    before = contents(site)
    with pytest.raises(BuildError, match="download"):
        put_site(built(tmp_path, **later), site)
    assert contents(site) == before


def test_a_build_that_was_killed_while_it_wrote_is_followed_by_one_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, first, second = tmp_path / "site", built(tmp_path, a="1", b="1"), built(tmp_path, a="2", b="2", c="2")
    put_site(first, site)
    moves = 0

    def killed(self: Path, target: Path, replace=Path.replace) -> Path:  # type: ignore[no-untyped-def]
        nonlocal moves
        moves += 1
        if moves == stop:
            raise KeyboardInterrupt
        return replace(self, target)

    for number in range(1, 5):
        stop = number
        moves = 0
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                put_site(second, site)
        put_site(first, site)
        assert contents(site) == {"a": "1", "b": "1"}
    put_site(second, site)
    assert contents(site) == {"a": "2", "b": "2", "c": "2"}


def test_a_folder_with_other_things_is_refused_and_untouched(tmp_path: Path, project: Project) -> None:
    precious = tmp_path / "precious"
    (precious / "photos").mkdir(parents=True)
    (precious / "notes.md").write_text("x")
    for use in (
        lambda: checked_site_dir(precious, project),
        lambda: put_site(built(tmp_path, index="1"), precious),
        lambda: remove_site(precious),
    ):
        with pytest.raises(BuildError, match="neither empty nor a site"):
            use()
    assert contents(precious) == {"notes.md": "x"}
    assert (precious / "photos").is_dir()


def test_a_site_from_before_there_were_lists_is_known_as_one(tmp_path: Path, project: Project) -> None:
    names = ("index.html", "search/search_index.json", "downloads/how-gpts-work.zip", "old/index.html")
    site = project.root / "site"
    for name in names:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(name)
    put_site(built(tmp_path, index="1"), checked_site_dir(site, project))
    assert contents(site) == {"index": "1"}


def test_places_that_are_none_for_a_site_are_refused(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home / "me"))
    (home / "me").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    root = project.root
    places = [root, root.parent, Path("/"), root / "docs", root / "docs" / "new", root / "code" / "x", root / ".git"]
    places += [root / "data", root / "tests", home / "me", tmp_path / "file", tmp_path / "file" / "below"]
    places += [tmp_path / "link", tmp_path / "dangling", root / "site" / ".." / "docs", Path("~")]
    for place in places:
        with pytest.raises(BuildError) as refused:
            checked_site_dir(place, project)
        assert "\n" not in str(refused.value)
    for place in (root / "site", tmp_path / "new" / "deep", tmp_path / "empty"):
        assert checked_site_dir(place, project) == place


def test_links_within_a_site_are_not_followed(tmp_path: Path) -> None:
    site, photos = tmp_path / "site", tmp_path / "photos"
    put_site(built(tmp_path, index="1", assets__logo="x"), site)
    photos.mkdir()
    (photos / "logo").write_text("x")
    (site / "assets" / "logo").unlink()
    (site / "assets").rmdir()
    (site / "assets").symlink_to(photos)
    with pytest.raises(BuildError, match="assets"):
        put_site(built(tmp_path, index="2", assets__logo="new"), site)
    assert (photos / "logo").read_text() == "x"
    assert "assets/logo" in remove_site(site)
    assert (photos / "logo").read_text() == "x"


@pytest.mark.parametrize("text", ["", "[]", "3", '{"../other": ["x"]}', "{"])
def test_a_list_that_is_none_or_names_other_places_removes_nothing(tmp_path: Path, text: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (tmp_path / "other").write_text("mine")
    (site / LIST).write_text(text)
    with pytest.raises(BuildError):
        put_site(built(tmp_path, index="1"), site)
    assert (tmp_path / "other").read_text() == "mine"

from pathlib import Path

from bookbuild.check import check_site


def site(tmp_path: Path, **pages: str) -> Path:
    for name, text in pages.items():
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_sound_site_has_no_faults(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "index.html").write_text('<p id="here">', encoding="utf-8")
    assert check_site(site(tmp_path, index='<a href="sub/#here">x</a><a href="https://example.org/">y</a>')) == []


def test_each_fault_is_named_with_its_page_and_line(tmp_path: Path) -> None:
    faults = check_site(
        site(
            tmp_path,
            index='<p id="a"></p>\n<p id="a"></p><a href="gone/">x</a>\n<a href="#nowhere">y</a><img src="no.png">'
            '<script src="https://example.org/x.js"></script>',
        )
    )
    assert faults == [
        "index.html: the id 'a' occurs more than once",
        "index.html:2: <a> leads to gone/, which does not exist",
        "index.html:3: <a> leads to #nowhere, which has no such anchor",
        "index.html:3: <img> leads to no.png, which does not exist",
        "index.html:3: <script> loads https://example.org/x.js from another host",
    ]


def test_a_link_from_the_root_knows_the_path_of_the_site(tmp_path: Path) -> None:
    folder = site(tmp_path, index="", **{"404": '<a href="/book/index.html">home</a><a href="/book/x.html">x</a>'})
    assert check_site(folder, "/book/") == ["404.html:1: <a> leads to /book/x.html, which does not exist"]

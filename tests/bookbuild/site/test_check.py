from pathlib import Path

from bookbuild.site.check import check_site


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


def test_what_a_browser_fetches_ahead_of_its_reader_is_a_fault(tmp_path: Path) -> None:
    """Firefox fetches rel=next by itself, others prefetch and prerender: the policy of a page forbids it all."""
    (tmp_path / "x.css").write_text("")
    for line in (
        '<link rel="next" href="x.css">',
        '<link rel="prefetch" href="x.css">',
        '<link rel="NEXT prerender" href="x.css">',
        '<link rel="manifest" href="x.css">',
        '<link rel="dns-prefetch" href="x.css">',
        '<link rel="preload" as="font" href="x.css">',
        '<script type="speculationrules">{}</script>',
    ):
        assert check_site(site(tmp_path, index=line)), line
    allowed = "".join(f'<link {kind} href="x.css">' for kind in ("rel=icon", "rel=stylesheet", "rel=preload as=style"))
    assert check_site(site(tmp_path, index=allowed)) == []


def test_what_was_read_of_a_page_is_remembered_by_its_content(tmp_path: Path) -> None:
    pages, memory = tmp_path / "pages", tmp_path / "memory"
    pages.mkdir()
    for text, faults in (("<p>", 0), ('<a href="gone">', 1), ("<p>", 0), ('<p id="a"><p id="a">', 1)):
        for _ in range(2):
            assert len(check_site(site(pages, index=text), "/", memory)) == faults

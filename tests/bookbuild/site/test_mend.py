"""Faults of Material's HTML, mended; and what search leaves out."""

from bookbuild.site.mend import mend, with_marked_contents, without_code_in_search


def test_attributes_that_html_does_not_know_go() -> None:
    toggle = '<input class="md-toggle" data-md-toggle="search" type="checkbox" id="__search" autocomplete="off">'
    assert "autocomplete" not in mend(toggle)
    assert mend('<label for="a" tabindex="">') == '<label for="a">'
    assert "autocorrect" not in mend('<input type="text" autocorrect="off" autocomplete="off">')
    assert mend('<nav class="md-nav" aria-expanded="true">') == '<nav class="md-nav">'


def test_a_code_block_can_be_scrolled_from_the_keyboard() -> None:
    assert mend("<pre><span></span><code>x</code></pre>").startswith('<pre tabindex="0">')
    assert mend(without_code_in_search("<pre><code>x</code></pre>")).startswith('<pre tabindex="0">')
    assert mend('<pre tabindex="0"><code>x</code></pre>').count("tabindex") == 1
    line_numbers = '<div class="linenodiv"><pre><span></span><span class="normal">1</span></pre></div>'
    assert mend(line_numbers) == line_numbers


def test_the_search_box_has_a_name() -> None:
    assert 'aria-label="Search"' in mend('<div class="md-search" data-md-component="search" role="dialog">')


def test_no_page_asks_browsers_to_fetch_the_next_one_ahead() -> None:
    page = '<link rel="prev" href="../a/">\n  <link rel="next" href="../b/">\n<link rel="icon" href="logo.svg">'
    assert 'rel="next"' not in mend(page)
    assert 'rel="icon"' in mend(page)


def test_a_page_without_faults_stays_as_it_is() -> None:
    page = '<p>A sentence with <code>code</code>, and <a href="../x/">a link</a>.</p>'
    assert mend(page) == page


def test_search_skips_code_its_output_drawings_and_formulas_and_keeps_prose() -> None:
    page = '<p>Kept.</p><div class="cell" data-search-exclude><pre tabindex="0">x = 1</pre></div><svg role="img"></svg>'
    marked = without_code_in_search(page + "<math></math>")
    assert "<p>Kept.</p>" in marked
    assert '<div class="cell">' in marked  # it holds other divs, at whose end Material would stop skipping
    for tag in ("pre", "svg", "math"):
        assert f"<{tag} data-search-exclude" in marked
    assert "data-search-exclude" not in mend(marked)


def test_the_contents_mark_the_entries_of_headings_that_skim_hides() -> None:
    entry = '<li class="md-nav__item">\n  <a href="#{0}" class="md-nav__link">{0}</a></li>'
    page = f'<a href="#one">one</a>{entry.format("one")}{entry.format("one-more")}'
    marked = with_marked_contents(page, ["one", "elsewhere"])
    assert marked == page.replace('<li class="md-nav__item">', '<li class="md-nav__item only-read">', 1)

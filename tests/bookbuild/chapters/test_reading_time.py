from bookbuild.chapters.reading_time import visible_words


def test_words_are_those_on_the_page_when_every_box_is_closed() -> None:
    text = """## Two words

One [link here](x.md#a), `code`, $x^2 + 1$.

![not this](../figures/a.svg "But this caption")

??? info "Not this title"
    nor this body

    nor this

!!! question "Before you run"
    Guess it.

| a | b |
|---|---|
| 1 | 2 |
"""
    # 2 headings; One, link, here, code, formula; 3 of the caption; 3 + 2 of the open box; 4 of the table
    assert visible_words(text) == 2 + 5 + 3 + 5 + 4

from published_cells import code, markdown

from bookbuild.chapters.reading_time import read_minutes, read_words, skim_minutes, skim_words, visible_words


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


def test_each_mode_counts_what_it_shows() -> None:
    cells = [
        markdown("# Title\n\nTwo words.", 0),  # 3, in both
        markdown("Three more words.", 1, "read"),
        markdown("Which is it?\n\n- [x] this\n- [ ] that\n\n" + "And so. " * 1000, 2, "guess"),  # 5, in both
        markdown("A note. " * 220, 3, "note"),
        code("x = 1\n\n\ny = 2\n" * 15, 4, caption="Its caption."),  # 2, in both
        code("z = 3\n" * 1000, 5, "fold", folded=True),
        code("z = 3\n" * 1000, 6, "starter", in_exercises=True),
        markdown("Do it. " * 1000, 7, "exercise", in_exercises=True),
    ]
    assert skim_words(cells) == 10
    assert read_words(cells) == 13
    assert skim_minutes(cells) == 1
    assert read_minutes(cells) == 4  # 13 words, 440 words of notes, 30 lines of code


def test_a_reading_list_counts_as_its_heading() -> None:
    assert (
        visible_words("Before.\n\n## Further reading\n\n- A book (1999): long.\n\n## After\n\nIt goes on.") == 1 + 2 + 4
    )

"""The drawings' one visual language."""

import xml.etree.ElementTree as ET

import pytest

from bookbuild.drawings.draw import Drawing

SVG = "{http://www.w3.org/2000/svg}"


def sample() -> Drawing:
    d = Drawing(380, 120, "A name goes into a model")
    d.cells(10, 40, ["p", "a"], fill_by=[0.0, 1.0])
    d.arrow(90, 58, 140, 58, "goes into", bend=0.2)
    d.box(150, 30, 90, 56, "model", kind="accent")
    d.bars(260, 20, 100, 80, [1, 2], labels=["a", "b"])
    return d


def parsed(d: Drawing) -> ET.Element:
    return ET.fromstring(d.svg())


def test_the_same_calls_give_the_same_bytes() -> None:
    assert sample().svg() == sample().svg()


def test_a_drawing_has_a_name_a_size_and_no_ids() -> None:
    root = parsed(sample())
    assert root.findtext(f"{SVG}title") == "A name goes into a model"
    assert root.get("viewBox") == "0 0 380 120"
    assert all(element.get("id") is None for element in root.iter())


def test_a_drawing_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a title"):
        Drawing(380, 120)


def test_a_model_is_rounded_and_a_container_is_not() -> None:
    d = Drawing(380, 120, "boxes")
    d.box(0, 0, 90, 42, kind="model")
    d.box(0, 50, 90, 42, kind="plain")
    model, plain = parsed(d).findall(f"{SVG}rect")
    assert model.get("rx") == "14"
    assert plain.get("rx") is None


def test_what_was_learned_has_the_accent_colour_with_and_without_the_stylesheet() -> None:
    d = Drawing(380, 60, "cells")
    d.cells(0, 0, [0.5], kind="learned")
    rect = parsed(d).find(f"{SVG}rect")
    assert rect is not None
    assert "c1-stroke" in str(rect.get("class"))
    assert str(rect.get("stroke")).startswith("#")


def test_ink_follows_the_page() -> None:
    d = Drawing(380, 60, "words")
    d.text(0, 20, "black on white, white on black")
    text = parsed(d).find(f"{SVG}text")
    assert text is not None
    assert text.get("fill") == "currentColor"


def test_text_too_small_for_a_phone_is_refused() -> None:
    with pytest.raises(ValueError, match="too small on a phone"):
        Drawing(380, 60, "small").text(0, 20, "words", size=10)
    with pytest.raises(ValueError, match="too small on a phone"):
        Drawing(700, 60, "wide").text(0, 20, "words", size=14)


@pytest.mark.parametrize("kind", ["red", "#ff0000", "rounded"])
def test_a_colour_or_box_of_no_kind_is_refused(kind: str) -> None:
    d = Drawing(380, 60, "kinds")
    with pytest.raises(ValueError, match="kind"):
        d.rect(0, 0, 1, 1, kind)
    with pytest.raises(ValueError, match="kind"):
        d.box(0, 0, 1, 1, kind=kind)


def test_an_arrow_needs_two_ends() -> None:
    with pytest.raises(ValueError, match="two different ends"):
        Drawing(380, 60, "arrow").arrow(5, 5, 5, 5)


def test_text_is_escaped() -> None:
    d = Drawing(380, 60, "a < b & c")
    d.text(0, 20, "x < y & z")
    assert parsed(d).findtext(f"{SVG}text") == "x < y & z"


def test_a_minus_sign_is_a_minus_sign() -> None:
    d = Drawing(380, 60, "numbers")
    d.cells(0, 0, [-1, -0.25])
    assert [text.text for text in parsed(d).findall(f"{SVG}text")] == ["−1", "−0.25"]

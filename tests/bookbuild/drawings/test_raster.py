"""A drawing as a PNG: the same shapes and words, on light ground."""

import io

import pytest
from PIL import Image
from published_cells import boxes

from bookbuild.chapters.book import draw_all
from bookbuild.drawings.raster import as_png
from bookbuild.project import Project


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def near(pixel: tuple[int, ...], colour: str) -> bool:
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return all(abs(a - b) < 24 for a, b in zip(pixel, wanted))


def test_shapes_stand_where_the_drawing_says_on_light_ground() -> None:
    picture = opened(as_png(boxes().svg()))
    assert picture.size == (400, 200)
    assert near(picture.getpixel((2, 2)), "#fffefb")  # type: ignore[arg-type]
    assert near(picture.getpixel((100, 100)), "#1f5fa8")  # type: ignore[arg-type]
    assert near(picture.getpixel((300, 40)), "#b8400e")  # type: ignore[arg-type]
    assert min(sum(colour) for _, colour in picture.getcolors(10**6)) < 200, "its ink is dark"  # type: ignore[union-attr, arg-type]


def test_the_same_drawing_gives_the_same_bytes() -> None:
    assert as_png.__wrapped__(boxes().svg()) == as_png.__wrapped__(boxes().svg())


def test_every_drawing_of_the_book_becomes_a_small_picture(project: Project) -> None:
    for slug, drawing in draw_all(project).items():
        png = as_png(drawing)
        assert len(png) < 80_000, slug
        assert len(opened(png).getcolors(10**6) or ()) > 2, slug


@pytest.mark.parametrize(
    "inner", ["<g/>", '<rect transform="rotate(3)"/>', '<path d="M0 0A1 1 0 0 0 2 2"/>', '<path d="M0 0L1"/>']
)
def test_what_no_drawing_has_is_refused(inner: str) -> None:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{inner}</svg>'
    with pytest.raises(ValueError, match="cannot become a picture"):
        as_png(svg)

"""Chapter 2's live piece: GPT-2's equations, and what each term counts."""

import re

import pytest
from live_pages import OpenLive
from playwright.sync_api import Locator, Page, expect

from gptbook.models.gpt import GPTConfig
from gptbook.models.sizes import parameter_terms

pytestmark = pytest.mark.browser

NAME = "equation"
SIZES = {
    "small": GPTConfig(),
    "medium": GPTConfig(num_layers=24, model_dim=1024, num_heads=16, mlp_dim=4096),
    "large": GPTConfig(num_layers=36, model_dim=1280, num_heads=20, mlp_dim=5120),
    "XL": GPTConfig(num_layers=48, model_dim=1600, num_heads=25, mlp_dim=6400),
}


def expect_term(piece: Locator, place: int, size: str) -> None:
    """The piece shows this term of `parameter_terms`, with its numbers for this size."""
    terms = parameter_terms(SIZES[size])
    term, total = terms[place], sum(term.count for term in terms)
    share = 100 * term.count / total
    shown = piece.locator(".equation-term")
    expect(shown.locator("strong").first).to_have_text(term.name)
    expect(shown.locator("dd").nth(0)).to_contain_text(term.shape)
    expect(shown.locator("dd").nth(1)).to_contain_text(term.formula)
    expect(shown.locator("dd").nth(2)).to_have_text(f"{term.count:,}{share:.{2 if share < 1 else 1}f}% of {total:,}")
    chosen = piece.locator("[aria-pressed=true]")
    expect(chosen).to_have_count(1)
    expect(chosen).to_have_accessible_name(re.compile(f": {term.name}$"))
    expect(piece.get_by_role("radio", name=size, exact=True)).to_be_checked()


@pytest.mark.parametrize("size", SIZES)
def test_each_count_is_the_packages_for_each_size(opened: tuple[Page, Locator], size: str) -> None:
    _, piece = opened
    expect_term(piece, 0, "small")
    piece.get_by_role("radio", name=size, exact=True).check(force=True)
    for place, term in enumerate(parameter_terms(SIZES[size])):
        piece.get_by_role("button", name=f": {term.name}").click()
        expect_term(piece, place, size)
    widths = piece.locator(".equation-bar span").evaluate_all("spans => spans.map(span => span.style.flexGrow)")
    counts = [term.count for term in parameter_terms(SIZES[size])]
    assert [float(width) for width in widths] == pytest.approx(counts, rel=1e-5)


def test_what_a_formula_says_is_what_is_counted(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    formulas = {"2D": 6, "L·2D": 12, "L·(3D² + 3D)": 72, "DF + F": 20, "(D + F)(L + 1)": 24, "10": 10}
    computed = page.evaluate(
        """async (formulas) => {
          const { evaluate } = await import(new URL("../../widgets/equation.js", location.href.split("?")[0]));
          return formulas.map((formula) => evaluate(formula, { L: 2, D: 3, F: 5 }));
        }""",
        list(formulas),
    )
    assert computed == list(formulas.values())
    piece.get_by_role("button", name=": queries, keys, values").click()
    numbers = piece.locator("dd")
    expect(numbers.nth(0)).to_have_text("(D, 3D), (3D)(768, 2304), (2304)")
    expect(numbers.nth(1)).to_have_text("L·(3D² + 3D)12·(3·768² + 3·768)")


def test_by_keyboard_alone(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    piece.get_by_role("button").first.focus()
    for place in range(10):
        expect_term(piece, place, "small")
        page.keyboard.press("Tab")
    expect(piece.get_by_role("radio", name="small")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect_term(piece, 9, "medium")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect_term(piece, 9, "XL")
    expect(piece.get_by_role("status")).to_have_text("prediction: 00.00% of 1,557,611,200")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect_term(piece, 0, "small")


def test_by_touch_alone(open_live: OpenLive) -> None:
    _, piece = open_live(has_touch=True, is_mobile=True)
    for place, term in enumerate(parameter_terms(GPTConfig())):
        control = piece.get_by_role("button", name=f": {term.name}")
        assert control.evaluate("control => control.getBoundingClientRect().height") >= 43.5
        control.tap()
        expect_term(piece, place, "small")
    piece.locator("label", has_text="large").tap()
    expect_term(piece, 9, "large")
    piece.get_by_role("button", name="Start again").tap()
    expect_term(piece, 0, "small")


def test_a_mouse_needs_no_click(opened: tuple[Page, Locator]) -> None:
    _, piece = opened
    piece.get_by_role("button", name=": MLP, first layer").hover()
    expect_term(piece, 6, "small")


@pytest.mark.parametrize(
    ("query", "place", "size"),
    [
        ("?term=narrow&size=XL", 7, "XL"),
        ("?term=nothing&size=huge", 0, "small"),
        ("?term=&size=toString", 0, "small"),
        ("?term=scores", 9, "small"),
    ],
)
def test_an_address_is_a_state_and_a_bad_one_is_repaired(
    open_live: OpenLive, query: str, place: int, size: str
) -> None:
    _, piece = open_live(query)
    expect_term(piece, place, size)

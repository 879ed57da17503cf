"""Temperature, top-k and top-p on a real guess: shaped as the package does, written token by token, by any hand."""

import json
import re
from pathlib import Path

import pytest
import torch
from conftest import Site
from live_pages import OpenLive, about_percent
from playwright.sync_api import Locator, expect
from safetensors import safe_open
from safetensors.torch import save_file

from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.generation.generate import generate_tokens
from gptbook.generation.sampling import at_temperature, keep_top_k, shaped_scores
from gptbook.models.gpt import GPT, GPTConfig

pytestmark = pytest.mark.browser

NAME = "choose"
LIVE = "live/generating"


def opening(site: Site) -> dict:
    return json.loads((site.folder / LIVE / "opening.json").read_text(encoding="utf-8"))


def published(site: Site) -> tuple[GPT, CharacterTokenizer]:
    with safe_open(site.folder / LIVE / "gpt.safetensors", "pt") as file:
        about = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    model = GPT(GPTConfig(**json.loads(about["config"])))
    model.load_state_dict(tensors)
    return model.eval(), CharacterTokenizer(json.loads(about["tokenizer"])["characters"])


def shown(piece: Locator) -> list[tuple[str, str]]:
    """The candidates in their order: the token, and its percentage or what cut it."""
    rows = piece.locator(".choose-row:not([hidden])").all()
    return [(row.locator("b").inner_text(), row.locator("span").inner_text()) for row in rows]


def names(piece: Locator, number: int = 3) -> list[str]:
    """What is written, as soon as it is whole."""
    lines = piece.locator(".choose-write .live-text")
    for place in range(number):
        expect(lines.nth(place)).to_have_text(re.compile(r"\.$"))
    return lines.all_inner_texts()[:number]


def weights(asked: list[str]) -> list[str]:
    return [url for url in asked if url.endswith(".safetensors")]


def test_shapes_as_the_package_does(open_live: OpenLive, site: Site) -> None:
    page, _ = open_live()
    scores = opening(site)["scores"]
    settings = [
        {"temperature": temperature, "k": k, "p": p}
        for temperature in (0, 0.1, 0.5, 1, 2)
        for k in (0, 1, 4, 10, 20)
        for p in (0.05, 0.5, 0.9, 1)
    ]
    answers = page.evaluate(
        """async ([script, scores, settings]) => {
            const { candidates } = await import(script);
            return settings.map((state) => candidates(Float32Array.from(scores), state));
        }""",
        ["/widgets/choose.js", scores, settings],
    )
    logits = torch.tensor(scores)
    for state, answer in zip(settings, answers, strict=True):
        how = {"temperature": state["temperature"], "top_k": state["k"] or None, "top_p": state["p"]}
        wanted = shaped_scores(logits, **how).softmax(dim=-1).tolist()
        before = logits.double().softmax(dim=-1).tolist()
        for row in answer:
            assert row["after"] == pytest.approx(wanted[row["id"]], abs=1e-12), state
            assert row["before"] == pytest.approx(before[row["id"]], abs=1e-12)
            assert (row["cut"] == "") == (wanted[row["id"]] > 0), state
        if state["temperature"] and state["k"]:
            kept = keep_top_k(at_temperature(logits, state["temperature"]), state["k"]) > -torch.inf
            assert {row["id"] for row in answer if row["cut"] == "top-k"} == set((~kept).nonzero().flatten().tolist())


def test_opens_with_a_lesson_and_sliders_need_no_weights(open_live: OpenLive) -> None:
    page, piece = open_live()
    rows = shown(piece)
    assert len(rows) == 27
    assert [share for _, share in rows].count("× top-k") == 17
    stay = [share for _, share in rows if "×" not in share]
    assert f"{len(stay)} of 27 stay; top-k cuts 17, top-p {10 - len(stay)}." in piece.inner_text()
    piece.get_by_role("slider", name="Temperature").press("Home")
    assert [share for _, share in shown(piece)][:2] == ["100%", "× greedy"]
    assert "1 of 27 stays; greedy cuts 26." in piece.inner_text()
    assert weights(page.asked) == []


def test_another_text_has_its_own_guess(open_live: OpenLive, site: Site) -> None:
    page, piece = open_live("?temperature=1&k=0&p=1")
    piece.get_by_label("It has read").fill("san")
    model, tokenizer = published(site)
    with torch.no_grad():
        shares = model(torch.tensor([[0, *tokenizer.encode("san")]]))[0, -1].softmax(dim=-1)
    best = int(shares.argmax())
    told = re.compile(f"^{tokenizer.labels[best]}{about_percent(shares[best].item())}$")
    expect(piece.locator(".choose-row").first).to_have_text(told)
    assert len(weights(page.asked)) == 1


def test_by_keyboard_alone(open_live: OpenLive) -> None:
    page, piece = open_live()
    piece.get_by_label("It has read").focus()
    page.keyboard.press("End")
    page.keyboard.type("r")
    for name in ("Temperature", "Top-k", "Top-p"):
        page.keyboard.press("Tab")
        assert name in page.evaluate("document.activeElement.labels[0].textContent")
        page.keyboard.press("End")
    expect(piece.locator(".choose-cut")).to_have_count(0)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # write
    first = names(piece)
    assert all(name.startswith("mar") for name in first)
    assert len(set(first)) > 1
    expect(piece.locator(".live-status")).to_contain_text("Written: mar")
    page.keyboard.press("Enter")  # again
    expect(piece.locator(".choose-write .live-text").first).not_to_have_text(first[0])
    second = names(piece)
    assert second != first
    expect(page).to_have_url(re.compile("text=mar.*seed=2"))
    _, other = open_live(page.url[page.url.index("?") :])
    assert names(other) == second, "an address writes the same names"


def test_by_touch_alone(open_live: OpenLive, site: Site) -> None:
    _, piece = open_live(has_touch=True, is_mobile=True)
    slider = piece.get_by_role("slider", name="Temperature")
    box = slider.bounding_box()
    assert box
    slider.tap(position={"x": 4, "y": box["height"] / 2})
    expect(slider).to_have_attribute("aria-valuetext", "0: greedy")
    piece.get_by_role("button", name="Write", exact=True).tap()
    written = names(piece)
    model, tokenizer = published(site)
    start = [0, *tokenizer.encode("ma")]
    room = model.config.context_length - len(start)
    greedy = tokenizer.decode(generate_tokens(model, start, room, temperature=0, stop_token=0))
    assert written == [f"ma{greedy}."] * 3
    piece.get_by_role("button", name="Start again").tap()
    expect(piece.locator(".choose-write .live-text").first).to_have_text("")


def test_bad_text_gets_a_sentence_and_the_rest_is_read(open_live: OpenLive) -> None:
    page, piece = open_live()
    field = piece.get_by_label("It has read")
    error = piece.locator(".live-field .live-error")
    field.fill("Mé")
    expect(piece.locator(".live-field small")).to_contain_text("me")
    expect(error).to_have_text("")
    field.fill("mé3")
    expect(error).to_contain_text("“3” is left out")
    assert field.get_attribute("aria-invalid") == "true"
    field.fill("x" * 10_000)
    expect(error).to_have_text(re.compile("Too long: only the first "))
    assert len(page.url) < 500
    field.fill("ÄÖ" * 5000)
    expect(error).to_have_text(re.compile("Too long: only the first "))
    field.fill("Ä京" * 5000)
    expect(error).to_have_text(re.compile("left out"))
    field.fill("par")
    expect(error).to_have_text("")
    piece.get_by_role("button", name="Write", exact=True).click()
    assert all(name.startswith("par") for name in names(piece))


def test_an_address_that_cannot_be_is_repaired(open_live: OpenLive) -> None:
    query = "?temperature=-3&k=7.5&p=9&seed=-1&text=" + "Q" * 500
    _, piece = open_live(query)
    assert piece.locator("output").all_inner_texts() == ["0: greedy", "10", "all"]
    expect(piece.locator(".live-field .live-error")).not_to_have_text("")


def test_a_model_of_the_reader(open_live: OpenLive, tmp_path: Path) -> None:
    """A tokenizer of pieces, more candidates than rows; then a file that is none; then back."""
    torch.manual_seed(0)
    config = GPTConfig(vocab_size=258, context_length=16, num_layers=1, num_heads=2, model_dim=8, mlp_dim=16)
    about = {
        "format": "gptbook web 1",
        "form": "gpt-2",
        "config": json.dumps(config.__dict__),
        "tokenizer": json.dumps({"kind": "pieces", "merges": [["m", "a"], ["ma", "t"]], "end_of_text": False}),
    }
    save_file(GPT(config).state_dict(), tmp_path / "own.safetensors", about)
    (tmp_path / "none.safetensors").write_text("not a model")
    _, piece = open_live()
    file = piece.locator("input[type=file]")
    file.set_input_files(tmp_path / "own.safetensors")
    expect(piece.locator(".choose-stay")).to_contain_text("of 258 stay")
    assert len(shown(piece)) == 27
    piece.get_by_role("button", name="Write", exact=True).click()
    expect(piece.locator(".live-status")).to_contain_text("Written: ma")
    file.set_input_files(tmp_path / "none.safetensors")
    expect(piece.locator(".own-model .live-error")).not_to_have_text("")
    expect(piece.locator(".choose-stay")).to_contain_text("of 258 stay")
    piece.get_by_role("button", name="Back to the city GPT").click()
    expect(piece.locator(".choose-stay")).to_contain_text("of 27 stay")

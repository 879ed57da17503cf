"""Chapter 11's live piece: the page's GPT of city names, and the reader's own model in its place."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Site
from live_pages import OpenLive, percent, settle
from playwright.sync_api import Locator, Page, expect
from safetensors.torch import load_file

from bookbuild.live import Chance
from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.exchange.export import save_for_web
from gptbook.models.attention import MultiHeadAttention
from gptbook.models.gpt import GPT, GPTConfig

pytestmark = pytest.mark.browser

NAME = "city-gpt"
LETTERS = CharacterTokenizer("abcdefghijklmnopqrstuvwxyz")


def city(site: Site) -> GPT:
    """The package's GPT with the published numbers."""
    tensors = load_file(site.folder / "live" / "gpt" / "city.safetensors")
    room, dim = tensors["position_embedding.weight"].shape
    config = GPTConfig(vocab_size=27, context_length=room, num_layers=2, num_heads=4, model_dim=dim, mlp_dim=4 * dim)
    model = GPT(config)
    model.load_state_dict(tensors)
    return model.eval()


def written(model: GPT, text: str, seed: int, most: int = 100) -> str:
    """What the piece must write after these letters."""
    chance = Chance(seed)
    while most and len(text) < model.config.context_length - 1:
        with torch.no_grad():
            shares = model(torch.tensor([[0, *LETTERS.encode(text)]]))[0, -1].double().softmax(dim=-1)
        if not (token := chance.draw(shares)):
            break
        text, most = text + LETTERS.labels[token], most - 1
    return text


def field(piece: Locator) -> Locator:
    return piece.get_by_label("Letters so far")


def alert(piece: Locator) -> Locator:
    return piece.locator(".city-gpt-field").get_by_role("alert")


def test_scores_and_weights_are_torchs_on_a_hundred_prompts(opened: tuple[Page, Locator], site: Site) -> None:
    page, _ = opened
    model, draw = city(site), random.Random(0)
    prompts = ["".join(draw.choices(LETTERS.characters, k=draw.randrange(12))) for _ in range(100)]
    computed = page.evaluate(
        """async (prompts) => {
          const { openModel } = await import(new URL("../../widgets/engine.js", document.baseURI));
          const piece = document.querySelector("live-city-gpt");
          const model = await openModel(new URL("city.safetensors", piece.folder));
          const found = [];
          for (const text of prompts) found.push(Array.from((await model.next(model.start(text))).logits));
          return found;
        }""",
        prompts,
    )
    with torch.no_grad():
        for text, logits in zip(prompts, computed):
            expected = model(torch.tensor([[0, *LETTERS.encode(text)]]))[0, -1]
            assert torch.tensor(logits) == pytest.approx(expected, abs=1e-4)


def test_it_opens_with_what_the_model_says(opened: tuple[Page, Locator], site: Site) -> None:
    page, piece = opened
    published = json.loads((site.folder / "live" / "gpt" / "opening.json").read_text(encoding="utf-8"))
    model = city(site)
    looks = where_it_looks(model, "plym")
    with torch.no_grad():
        shares = model(torch.tensor([[0, *LETTERS.encode("plym")]]))[0, -1].softmax(dim=-1)
    assert torch.tensor(published["shares"]) == pytest.approx(shares, abs=1e-4)
    for row in range(5):
        rows = [[head[row] for head in block] for block in published["attention"]]
        assert torch.tensor(rows) == pytest.approx(looks[:, :, row, : row + 1], abs=1e-4)
    assert published["text"] == field(piece).input_value() == "plym"
    for block in (1, 2):
        for head in (1, 4):
            piece.evaluate("(piece, state) => piece.set(state)", {"block": block, "head": head})
            rows = published["attention"][block - 1][head - 1]
            assert piece.locator(".city-gpt-cell small").all_text_contents() == [percent(share) for share in rows[-1]]
            assert drawn_shares(piece) == pytest.approx([share for row in rows for share in row], abs=0.0051)
    assert not [address for address in page.asked if address.endswith("safetensors")]


def where_it_looks(model: GPT, text: str) -> torch.Tensor:
    """Where each head of each block looks, (L, N, T, T)."""
    looks: list[torch.Tensor] = []
    parts = [part for part in model.modules() if isinstance(part, MultiHeadAttention)]
    hooks = [
        part.register_forward_hook(lambda part, given, _: looks.append(part.weights(given[0])[0])) for part in parts
    ]
    with torch.no_grad():
        model(torch.tensor([[0, *LETTERS.encode(text)]]))
    for hook in hooks:
        hook.remove()
    return torch.stack(looks)


def drawn_shares(piece: Locator) -> list[float]:
    """Those that the cells of the picture are tinted by, row after row."""
    cells = piece.locator(".city-gpt-picture rect:not(.city-gpt-asked)")
    return [float(share) for share in cells.evaluate_all("all => all.map((e) => e.style.getPropertyValue('--share'))")]


def test_it_opens_on_a_head_that_looks_at_one_earlier_letter_if_there_is_one(
    opened: tuple[Page, Locator], site: Site
) -> None:
    _, piece = opened
    published = json.loads((site.folder / "live" / "gpt" / "opening.json").read_text(encoding="utf-8"))
    state = piece.evaluate("piece => piece.state")
    assert [state["block"], state["head"]] == [published["block"], published["head"]]
    last = [[head[-1] for head in block] for block in published["attention"]]
    chosen = last[state["block"] - 1][state["head"] - 1]
    at_a_letter = [row for block in last for row in block if 0 < row.index(max(row)) < len(row) - 1]
    assert max(chosen) == max(map(max, at_a_letter or [row for block in last for row in block]))
    checked = piece.locator(".city-gpt-pickers input:checked")
    assert checked.evaluate_all("all => all.map((e) => +e.value)") == [state["block"], state["head"]]


def test_any_letter_may_ask_and_what_comes_later_is_hidden_from_it(
    open_live: OpenLive, opened: tuple[Page, Locator], site: Site
) -> None:
    page, piece = opened
    model = city(site)
    state = piece.evaluate("piece => piece.state")
    looks = where_it_looks(model, "plym")[state["block"] - 1, state["head"] - 1]
    piece.locator(".city-gpt-cell input").last.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")  # l
    page.wait_for_url("**back=2**")
    settle(page)
    _, again = open_live(f"?{page.url.partition('?')[2]}")
    settle(again.page)
    for its in (piece, again):
        shares = its.locator(".city-gpt-cell small").all_text_contents()
        assert [int(share.strip("<%")) for share in shares[:3]] == pytest.approx(100 * looks[2, :3], abs=1)
        assert shares[3:] == ["", ""]
        expect(its.locator(".city-gpt-cell.later")).to_have_text(["y", "m"])
        expect(its.locator(".city-gpt-after")).to_contain_text("“pl”")
        with torch.no_grad():
            expected = model(torch.tensor([[0, *LETTERS.encode("pl")]]))[0, -1].softmax(dim=-1)
        label = its.locator(".live-bars").get_attribute("aria-label") or ""
        best = int(expected.argmax())
        assert label.startswith(f"The likeliest: {LETTERS.labels[best] if best else 'end'} ")
    piece.get_by_role("button", name="Next letter").click()
    expect(field(piece)).to_have_value(written(model, "plym", seed=1, most=1))
    expect(piece.locator(".city-gpt-cell.later")).to_have_count(0)


def test_a_name_is_written_letter_by_letter_and_a_second_press_or_a_key_stops_it(
    open_live: OpenLive, site: Site
) -> None:
    page, piece = open_live(stopped_clock=True)
    model = city(site)
    seed = next(seed for seed in range(1, 1000) if len(written(model, "ber", seed)) > 5)
    whole = written(model, "ber", seed)
    piece.evaluate("(piece, seed) => void piece.set({ text: 'ber', seed })", seed)
    seen = []
    piece.get_by_role("button", name="Write a name").click()
    for _ in range(1000):
        page.clock.run_for(40)
        page.evaluate("() => new Promise((seen) => new IntersectionObserver(seen).observe(document.body))")
        now = [
            field(piece).input_value(),
            "".join(piece.locator(".city-gpt-cell > span").all_text_contents()).removeprefix("start"),
            piece.locator(".city-gpt-after").inner_text(),
        ]
        if now not in seen:
            seen.append(now)
        if "the end" in piece.locator(".city-gpt-drawn").inner_text():
            break
    for end in range(4, len(whole) + 1):
        assert any(text == cells == whole[:end] and whole[:end][-8:] in after for text, cells, after in seen)
    assert piece.evaluate("piece => piece.state.seed") == seed + 1
    for stop in ("press", "type"):
        piece.evaluate("(piece, seed) => void piece.set({ text: 'ber', seed })", seed)
        piece.get_by_role("button", name="Write a name").click()
        for _ in range(1000):
            page.clock.run_for(40)
            page.evaluate("() => new Promise((seen) => new IntersectionObserver(seen).observe(document.body))")
            if field(piece).input_value() == whole[:5]:
                break
        if stop == "press":
            piece.get_by_role("button", name="Stop").click()
        else:
            field(piece).fill("qu")
        for _ in range(100):
            page.clock.run_for(50)
        assert field(piece).input_value() == (whole[:5] if stop == "press" else "qu")
        expect(piece.get_by_role("button", name="Write a name")).to_be_visible()


def test_for_readers_who_want_no_motion_a_name_stands_there_at_once(open_live: OpenLive, site: Site) -> None:
    page, piece = open_live(reduced_motion="reduce")
    piece.evaluate(
        """piece => {
          piece.texts = [];
          const note = () => piece.texts.push(piece.state.text);
          new MutationObserver(note).observe(piece, { childList: true, subtree: true });
        }"""
    )
    whole = written(city(site), "plym", seed=1)
    piece.get_by_role("button", name="Write a name").click()
    expect(field(piece)).to_have_value(whole)
    settle(page)
    assert set(piece.evaluate("piece => piece.texts")) <= {"plym", whole}


def test_by_keyboard_alone_a_name_is_written_that_a_link_repeats(
    open_live: OpenLive, opened: tuple[Page, Locator], site: Site
) -> None:
    page, piece = opened
    model = city(site)
    field(piece).focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("ber")
    page.keyboard.press("Enter")
    first = written(model, "ber", seed=1, most=1)
    expect(field(piece)).to_have_value(first)
    page.wait_for_url("**seed=2**")
    other, again = open_live(f"?text={first}&seed=2")
    for here, its in ((page, piece), (other, again)):
        field(its).focus()
        here.keyboard.press("Tab")
        here.keyboard.press("Tab")
        here.keyboard.press("Enter")
        expect(field(its)).to_have_value(written(model, first, seed=2))
        expect(its.locator(".city-gpt-drawn")).to_have_text("Drawn: the end of the name.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(field(piece)).to_have_value(written(model, first, seed=2)[:-1])
    for _ in range(3):  # the letters, the blocks, the heads
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    head = piece.evaluate("piece => piece.state.head")
    expect(piece.locator(".city-gpt-where")).to_contain_text(f"head {head}" if head else "mean")
    expect(piece.get_by_role("status")).to_contain_text("The text so far")


def test_by_touch_alone(open_live: OpenLive, site: Site) -> None:
    _, piece = open_live(has_touch=True)
    model = city(site)
    piece.get_by_role("button", name="Write a name").tap()
    whole = written(model, "plym", seed=1)
    expect(field(piece)).to_have_value(whole)
    piece.get_by_role("button", name="New name").tap()
    first = written(model, "", seed=2, most=1)
    expect(field(piece)).to_have_value(first)
    piece.get_by_role("button", name="Take back").tap()
    expect(field(piece)).to_have_value(first[:-1])
    for block in ("1", "2"):
        piece.locator(".city-gpt-pickers fieldset").first.locator("label", has_text=block).tap()
        expect(piece.locator(".city-gpt-where")).to_contain_text(f"Block {block}")
    piece.get_by_role("button", name="Start again").tap()
    expect(field(piece)).to_have_value("plym")


def test_what_the_alphabet_lacks_is_left_out_with_a_sentence(opened: tuple[Page, Locator]) -> None:
    _, piece = opened
    field(piece).fill("Zürich")
    expect(piece.locator(".city-gpt-field small")).to_contain_text("zurich")
    expect(alert(piece)).to_have_text("")
    expect(piece.locator(".city-gpt-cell")).to_have_count(7)
    piece.get_by_role("button", name="Next letter").click()
    expect(piece.locator(".city-gpt-field small")).not_to_contain_text("Read as")  # what stands there has no accent
    field(piece).fill("Zü京")
    expect(alert(piece)).to_contain_text("“京” is left out")
    expect(piece.locator(".city-gpt-cell")).to_have_count(3)
    field(piece).fill("a" * 10_000)
    expect(alert(piece)).to_contain_text("the rest is left out")
    field(piece).fill("")
    expect(alert(piece)).to_have_text("")
    expect(piece.locator(".city-gpt-cell")).to_have_text(["start100%"])
    expect(piece.get_by_role("button", name="Take back")).to_be_disabled()


def test_an_address_with_other_things_in_it_opens_all_the_same(open_live: OpenLive) -> None:
    _, piece = open_live("?text=%00%F0%9F%98%80&block=9&head=-1&seed=1e99&back=7")
    expect(alert(piece)).to_contain_text("left out")
    assert piece.evaluate("piece => [piece.state.block, piece.state.head, piece.state.back]") == [2, 0, 0]


CONFIG = GPTConfig(vocab_size=260, context_length=16, num_layers=8, num_heads=2, model_dim=16, mlp_dim=16)


def own_model(folder: Path, kind: str) -> Path:
    tokenizer: Any = BytePairTokenizer([(b"t", b"h"), (b"th", b"e"), (b" ", b"the")], end_of_text=True)
    if kind == "letters":
        tokenizer = CharacterTokenizer("\n abcdefgh")
    torch.manual_seed(0)
    sizes = {**CONFIG.__dict__, "vocab_size": tokenizer.vocab_size}
    return save_for_web(GPT(GPTConfig(**sizes)), tokenizer, folder)


@pytest.mark.parametrize("kind", ["pieces", "letters"])
def test_the_readers_own_model_writes_in_its_place(opened: tuple[Page, Locator], tmp_path: Path, kind: str) -> None:
    page, piece = opened
    expect(piece.locator(".city-gpt-cell")).to_have_count(5)
    piece.get_by_label("Use your own model").set_input_files(own_model(tmp_path, kind))
    expect(piece.locator(".own-model")).to_contain_text("parameters")
    expect(field(piece)).to_have_value("")
    expect(piece.get_by_role("slider", name="Block")).to_have_attribute("max", "8")
    start = "the the" if kind == "pieces" else "a bad\nhead"
    field(piece).fill(start)
    piece.get_by_role("button", name="Write 60").click()
    expect(piece.get_by_role("status")).to_contain_text("Drawn")
    text = field(piece).input_value()
    assert text.startswith(start)
    assert len(text) > len(start)
    field(piece).fill("é")
    expect(piece.locator(".city-gpt-field small")).to_contain_text("Leave it" if kind == "pieces" else "Read as e")
    field(piece).fill("ñ")  # its alphabet has no n either
    expect(alert(piece)).to_contain_text("" if kind == "pieces" else "“ñ” is left out")
    assert "text=" not in page.url
    piece.get_by_role("button", name="Back to the city GPT").click()
    expect(field(piece)).to_have_value("plym")
    expect(piece.locator(".city-gpt-cell")).to_have_count(5)
    expect(piece.get_by_label("Use your own model")).to_be_focused()


def test_files_that_are_no_model_get_a_sentence(opened: tuple[Page, Locator], tmp_path: Path, site: Site) -> None:
    _, piece = opened
    whole = own_model(tmp_path, "letters").read_bytes()
    window = next(site.folder.glob("live/*/net.safetensors")).read_bytes()
    broken = {
        "nothing": b"",
        "text": b"This is no model at all, but it is long enough for a header.",
        "half": whole[: len(whole) // 2],
        "long header": (2**60).to_bytes(8, "little") + whole[8:],
        "another form": window,
    }
    said = piece.locator(".own-model").get_by_role("alert")
    for name, content in broken.items():
        files = [{"name": f"{name}.safetensors", "mimeType": "", "buffer": content}]
        piece.get_by_label("Use your own model").set_input_files(files)  # type: ignore[arg-type]
        expect(said).to_contain_text(".")
        expect(field(piece)).to_have_value("plym")
        piece.evaluate("piece => piece.own.leave()")
        expect(said).to_have_text("")
    piece.get_by_role("button", name="Next letter").click()
    expect(piece.locator(".city-gpt-drawn")).to_contain_text("Drawn")
    assert field(piece).input_value() == written(city(site), "plym", seed=1, most=1)


def test_a_dropped_file_is_opened(opened: tuple[Page, Locator], tmp_path: Path) -> None:
    _, piece = opened
    piece.evaluate(
        """(piece, bytes) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([new Uint8Array(bytes)], "mine.safetensors"));
          for (const kind of ["dragover", "drop"]) {
            piece.querySelector("textarea").dispatchEvent(
              new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }),
            );
          }
        }""",
        list(own_model(tmp_path, "pieces").read_bytes()),
    )
    expect(piece.locator(".own-model")).to_contain_text("mine.safetensors: ")
    assert not piece.evaluate("piece => piece.classList.contains('own-drop')")

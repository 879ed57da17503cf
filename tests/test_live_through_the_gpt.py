"""Chapter 11's live piece: one letter's way through the page's GPT, all of whose numbers are PyTorch's."""

import gzip
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import COUNT_SHIFTS, Site
from live_pages import OpenLive, PagePool, axe_finds, settle
from playwright.sync_api import Locator, Page, expect
from test_pieces import KILOBYTE, loaded_by
from torch import Tensor, nn

from bookbuild.live import Chance
from bookbuild.site.through_code import LINES, code_of
from bookbuild.site.through_live import numbers_of, opened_gpt
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.models.gpt import GPT

pytestmark = pytest.mark.browser

NAME = "through-the-gpt"
OWN = ["through-the-gpt.js", "stations.js", "tower.js", "trace.js", "judge.js"]
ON_WIDE_SCREENS = "beside.js"  # loaded there only
OWN_KB, WHOLE_KB, TOLERANCE = 24, 45, 1e-4
LETTERS = CharacterTokenizer("abcdefghijklmnopqrstuvwxyz")
LABELS = ["end", *LETTERS.characters]
IN_BLOCK_KINDS = [
    *("lookNorm", "qkv", "score", "share", "found", "attention", "looked"),
    *("thinkNorm", "wide", "bent", "mlp", "thought"),
]
BOTTOM, IN_BLOCK, TOP = 3, len(IN_BLOCK_KINDS), 4
NUM_STATIONS = BOTTOM + 2 * IN_BLOCK + TOP
SET = "(piece, state) => piece.set(state)"
ALL_NUMBERS = """async (prompts) => {
  const [{ trace, keyOf }, { makeModel }, { readSafetensors }] = await Promise.all(
    ["trace", "models", "safetensors"].map((name) => import(new URL(`../../widgets/${name}.js`, document.baseURI))));
  const piece = document.querySelector("live-through-the-gpt");
  const file = readSafetensors(await (await fetch(new URL("city.safetensors", piece.folder))).arrayBuffer());
  const model = makeModel(file);
  const names = "query key value found attention looked lookNorm thinkNorm wide bent mlp thought".split(" ");
  return prompts.map((ids) => {
    const numbers = trace(model, ids);
    const found = {};
    const rows = (name, block) => ids.map((_, t) => [...numbers(name, block, t)]);
    for (const name of ["token", "place", "start", "norm", "scores"]) found[name] = rows(name, 0);
    for (const block of [0, 1]) {
      for (const name of names) found[keyOf(name, block)] = rows(name, block);
      for (const name of ["score", "share"]) {
        found[keyOf(name, block)] = [0, 1, 2, 3].map((head) =>
          ids.map((_, t) => [...numbers(name, block, t, head), ...Array(ids.length - 1 - t).fill(0)]));
      }
    }
    return found;
  });
}"""


def city(site: Site) -> GPT:
    """The package's GPT with the published numbers."""
    return opened_gpt((site.folder / "live" / "gpt" / "city.safetensors").read_bytes())[0]


def ids_of(text: str) -> list[int]:
    return [0, *LETTERS.encode(text)]


def field(piece: Locator) -> Locator:
    return piece.get_by_label("A name begins with")


def title(piece: Locator) -> Locator:
    return piece.locator(".through-title")


def state(piece: Locator) -> dict[str, Any]:
    return dict(piece.evaluate("piece => piece.state"))


def values(piece: Locator) -> list[list[float]]:
    """The numbers of the grids, as they are held; None where they are masked."""
    return list(piece.evaluate("piece => piece.now.grids.map(({ values }) => [...values])"))


WATCH_STATES = """(piece) => {
  piece.seenStates = [];
  const show = piece.show.bind(piece);
  piece.show = async (state, given) => {
    const seen = { ...state };
    piece.seenStates.push(seen);
    await show(state, given);
    seen.title = piece.heading.textContent;
  };
}"""


def settle_frame(piece: Locator) -> None:
    piece.evaluate("() => new Promise((seen) => requestAnimationFrame(seen))")


def at_station(kind: str, block: int = 0) -> int:
    """The place of a station by its kind, as the address counts."""
    inside = IN_BLOCK_KINDS
    if kind in inside:
        return BOTTOM + IN_BLOCK * block + inside.index(kind)
    bottom, top = ["letter", "token", "place"], ["norm", "scores", "guess", "drawn"]
    return bottom.index(kind) if kind in bottom else NUM_STATIONS - TOP + top.index(kind)


def test_every_number_of_every_station_is_torchs_on_a_hundred_prompts(opened: tuple[Page, Locator], site: Site) -> None:
    page, _ = opened
    model, chance = city(site), random.Random(0)
    texts = ["".join(chance.choices(LETTERS.characters, k=chance.randrange(12))) for _ in range(100)]
    computed = page.evaluate(ALL_NUMBERS, [ids_of(text) for text in texts])
    for text, found in zip(texts, computed):
        expected = numbers_of(model, ids_of(text))
        assert set(found) == set(expected)
        for key, numbers in expected.items():
            computed_here = torch.tensor(found[key], dtype=torch.float32)
            torch.testing.assert_close(computed_here, numbers, rtol=0, atol=TOLERANCE, msg=f"{text} {key}")


def test_what_stands_in_the_cells_is_what_was_computed(opened: tuple[Page, Locator], site: Site) -> None:
    _, piece = opened
    expected = numbers_of(city(site), ids_of("bern"))
    results = {"lookNorm": "lookNorm", "attention": "attention", "looked": "looked", "thinkNorm": "thinkNorm"}
    results |= {"wide": "wide", "bent": "bent", "mlp": "mlp", "thought": "thought"}
    for column in (4, 2):
        for block in (0, 1):
            for kind, name in results.items():
                piece.evaluate(SET, {"text": "bern", "at": at_station(kind, block), "back": 4 - column})
                shown = torch.tensor(values(piece)[-1])
                torch.testing.assert_close(shown, expected[f"b{block + 1}{name}"][column], rtol=0, atol=TOLERANCE)
    piece.evaluate(SET, {"at": at_station("place"), "back": 1})
    texts = piece.locator(".cells:visible").last.locator("[role=option]").all_text_contents()
    assert len(texts) == 32
    for text, number in zip(texts, expected["start"][3].tolist()):
        assert float(text.replace("−", "-")) == pytest.approx(number, abs=0.005 + TOLERANCE)


def test_the_shares_of_each_head_stand_in_their_triangle(opened: tuple[Page, Locator], site: Site) -> None:
    _, piece = opened
    expected = numbers_of(city(site), ids_of("bern"))
    for head in range(4):
        piece.evaluate(SET, {"text": "bern", "at": at_station("share", 1), "head": head + 1})
        scores, shares, triangle = values(piece)
        assert scores == pytest.approx(expected["b2score"][head, -1].tolist(), abs=TOLERANCE)
        assert shares == pytest.approx(expected["b2share"][head, -1].tolist(), abs=TOLERANCE)
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        rows = [triangle[5 * row : 5 * row + 5] for row in range(5)]
        for row, numbers in enumerate(rows):
            looks = expected["b2share"][head, row, : row + 1].tolist()
            assert numbers[: row + 1] == pytest.approx(looks, abs=TOLERANCE)
            # NaN: nobody looks ahead.
            assert all(number is None or number != number for number in numbers[row + 1 :])


def test_each_number_is_what_its_sum_says(opened: tuple[Page, Locator]) -> None:
    """The right side is the number in the cell; where all terms are written out, the left side gives it, too."""
    _, piece = opened
    piece.evaluate(SET, {"text": "bern"})
    for at in range(1, NUM_STATIONS - 1):
        piece.evaluate(SET, {"at": at, "cell": -1})
        grid, index = piece.evaluate("piece => piece.asked")
        number = values(piece)[grid][index]
        said = piece.locator(".through-how").inner_text().replace("−", "-")
        if " = " in said:
            right = re.match(r"-?[\d.]+", said.rsplit(" = ", 1)[1])
            assert right, said
            is_percent = at == at_station("guess")
            assert float(right[0]) * (100 if is_percent else 1) == pytest.approx(
                number, abs=0.0051 + 0.05 * is_percent
            ), said
            left = said.rsplit(" = ", 1)[0]
            terms = (
                re.sub(r"a bias of | from the \d+ other products", "", left).replace("·", "*").replace("√8", "8**0.5")
            )
            if re.fullmatch(r"[-+*/(). \d]+", terms):
                assert eval(terms) == pytest.approx(number, abs=0.12 + 0.05 * abs(number)), said  # digits are rounded
        else:
            assert re.search(r"\d", said)
        lit = piece.locator(".cells:visible .lit").count()
        assert lit or at in (at_station("token"), at_station("drawn")), (at, said)


def test_asked_where_it_comes_from_a_number_leads_to_the_station_that_made_it(opened: tuple[Page, Locator]) -> None:
    _, piece = opened
    piece.evaluate(SET, {"text": "bern"})
    ask = piece.get_by_role("button", name="Where does it come from?")
    for kind in ("attention", "score", "found", "mlp", "looked", "thought", "norm", "scores", "guess"):
        block = 1 if kind not in ("norm", "scores", "guess") else 0
        grids = piece.evaluate("piece => piece.now.grids.length")
        for grid in range(4):
            piece.evaluate(SET, {"at": at_station(kind, block), "cell": -1, "back": 0, "head": 0})
            grids = piece.locator(".cells:visible")
            if grid >= grids.count():
                break
            cell = grids.nth(grid).locator("[role=option]").nth(3)
            heard = cell.get_attribute("aria-label") or ""
            cell.click()
            if not ask.is_visible():
                continue  # this station made it
            before = state(piece)["at"]
            ask.click()
            assert state(piece)["at"] < before
            chosen = piece.locator(".cells:visible [aria-selected=true]")
            there = chosen.get_attribute("aria-label") or ""
            number, other = (float(text.rsplit(": ", 1)[1].replace("−", "-")) for text in (heard, there))
            assert number == pytest.approx(other, abs=0.051), f"{kind}: {heard}; {there}"


def test_it_opens_on_a_taught_state_without_weights_and_they_come_when_the_reader_acts(
    opened: tuple[Page, Locator], site: Site
) -> None:
    page, piece = opened
    assert not [url for url in page.asked if url.endswith("safetensors")]
    expect(title(piece)).to_contain_text("Softmax")
    shares = values(piece)[1]
    published = json.loads((site.folder / "live" / "gpt" / "through.json").read_text(encoding="utf-8"))
    head = published["heads"][1] - 1
    assert shares == pytest.approx(numbers_of(city(site), ids_of("plym"))["b2share"][head, -1].tolist(), abs=TOLERANCE)
    piece.get_by_role("button", name="Next").click()
    expect(title(piece)).to_contain_text("share of each value")
    assert [url for url in page.asked if url.endswith("safetensors")]


def test_by_keyboard_alone_one_walks_stations_letters_and_cells(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    field(piece).focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("bern")
    piece.get_by_role("slider", name="Station").focus()
    page.keyboard.press("Home")
    heard = []
    for _ in range(NUM_STATIONS - 1):
        page.keyboard.press("ArrowRight")
        heard.append(title(piece).inner_text())
    assert state(piece)["at"] == NUM_STATIONS - 1
    assert len(set(heard)) > 15
    expect(piece.get_by_role("status")).to_contain_text(heard[-1])
    piece.get_by_role("slider", name="Letter").focus()
    page.keyboard.press("ArrowLeft")
    assert state(piece)["back"] == 1
    piece.evaluate(SET, {"at": at_station("wide")})
    piece.locator(".cells:visible [aria-selected=true]").focus()
    page.keyboard.press("Home")
    assert state(piece)["cell"] == 0
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert state(piece)["cell"] == 17
    expect(piece.locator(".cells:visible [aria-selected=true]")).to_be_focused()


def test_by_touch_alone_every_station_is_in_reach(open_live: OpenLive) -> None:
    _, piece = open_live(has_touch=True)
    swipe = """(piece, by) => {
      const card = piece.querySelector(".through-card");
      const touch = (kind, clientX) => card.dispatchEvent(
        new PointerEvent(kind, { pointerType: "touch", clientX, clientY: 100, bubbles: true }));
      touch("pointerdown", 200);
      touch("pointerup", 200 + by);
    }"""
    at = state(piece)["at"]
    piece.evaluate(swipe, -90)
    expect(title(piece)).to_contain_text("share of each value")
    assert state(piece)["at"] == at + 1
    piece.evaluate(swipe, 90)
    piece.evaluate(swipe, 90)
    piece.evaluate("async (piece) => piece.set({})")
    assert state(piece)["at"] == at - 1
    tower = piece.locator("svg.tower")
    box = tower.bounding_box()
    assert box
    found = set()
    for part in range(1, 40):
        tower.tap(position={"x": box["width"] * 0.6, "y": box["height"] * part / 40})
        settle_here = piece.evaluate("async (piece) => (await piece.set({}), piece.state.at)")
        found.add(settle_here)
    assert {at_station("letter"), at_station("place"), at_station("guess")} <= found
    assert {at_station(kind, block) for block in (0, 1) for kind in ("share", "looked", "bent", "thought")} <= found


def told(piece: Locator, seed: int, text: str, model: GPT, most: int = 100) -> str:
    """What the piece must write after these letters: its dice are the seed's and the place's."""
    while len(text) < model.config.context_length - 1 and most:
        with torch.no_grad():
            shares = model(torch.tensor([ids_of(text)]))[0, -1].double().softmax(dim=-1)
        if not (token := Chance(1000 * seed + len(text) + 1).draw(shares)):
            break
        text, most = text + LABELS[token], most - 1
    return text


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_it_writes_the_name_that_its_dice_say_letter_by_letter(open_live: OpenLive, site: Site, motion: str) -> None:
    _, piece = open_live("?gpt-seed=3&gpt-text=ber", reduced_motion=motion)
    whole = told(piece, 3, "ber", city(site))
    piece.evaluate(WATCH_STATES)
    piece.get_by_role("button", name="Write on").click()
    expect(field(piece)).to_have_value(whole)
    expect(piece.get_by_role("button", name="Write on")).to_be_visible()
    seen = piece.evaluate("piece => piece.seenStates.map(({ text }) => text)")
    begun = [text for text in dict.fromkeys(seen) if len(text) > 3]
    assert begun == [whole[:length] for length in range(4, len(whole) + 1)]
    piece.get_by_role("button", name="Write on").click()  # a new name, with other dice
    expect(piece.get_by_role("button", name="Stop")).to_have_count(0)
    assert state(piece)["seed"] == 4
    assert field(piece).input_value() == told(piece, 4, "", city(site))


def test_play_goes_up_station_by_station_stops_and_goes_round_again(opened: tuple[Page, Locator], site: Site) -> None:
    _, piece = opened
    play = piece.locator(".through-steps .primary")
    piece.evaluate(WATCH_STATES)
    play.click()
    expect(play).to_have_text("Stop")
    while not piece.evaluate("piece => piece.seenStates.some(({ at, title }) => at === 2 && title)"):
        settle_frame(piece)  # a slow machine may be further by now
    play.click()
    seen = piece.evaluate("piece => piece.seenStates")
    assert [each["at"] for each in seen][:3] == [0, 1, 2]
    assert "row in the token table" in seen[1]["title"]
    assert "row of its place" in seen[2]["title"]
    expect(play).to_have_text("Play")
    stood = state(piece)["at"]
    piece.evaluate(SET, {"at": NUM_STATIONS - 1})
    longer = told(piece, 1, "plym", city(site), most=1)
    piece.evaluate(WATCH_STATES)
    play.click()
    reached = "(piece, text) => piece.seenStates.some((state) => state.text === text && state.at === 1)"
    while not piece.evaluate(reached, longer):  # a slow machine may be further by now
        settle_frame(piece)
    field(piece).fill("x")  # what the reader does stops it
    expect(play).to_have_text("Play")
    assert stood >= 2
    # Where another letter asks, nothing is drawn: it begins again with the last one.
    piece.evaluate(SET, {"at": NUM_STATIONS - 1, "text": "plym", "back": 2})
    piece.get_by_role("button", name="Next").click()
    expect(field(piece)).to_have_value("plym")
    assert [state(piece)[key] for key in ("at", "back")] == [0, 0]
    piece.evaluate(SET, {"at": NUM_STATIONS - 1, "text": "plym"})
    piece.get_by_role("button", name="Next").click()
    expect(field(piece)).to_have_value(longer)
    assert state(piece)["at"] == 0


def changed(model: GPT, change: str) -> None:
    """The same change made in torch."""
    heads = model.config.num_heads

    def head_off(part: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor]:
        mixed = given[0].clone()
        mixed.unflatten(-1, (heads, -1))[..., 1, :] = 0
        return (mixed,)

    def nothing(part: nn.Module, given: Any, output: Tensor) -> Tensor:
        return torch.zeros_like(output)

    def unchanged(part: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return given[0]

    def fixed(part: nn.Module, given: Any, output: Tensor) -> Tensor:
        output = output.clone()
        output[..., 4] = 1.5
        return output

    made: dict[str, Callable[[], object]] = {
        "b1found.h2": lambda: model.blocks[0].attention.output.register_forward_pre_hook(head_off),
        "b2mlp": lambda: model.blocks[1].mlp.register_forward_hook(nothing),
        "b1attention": lambda: model.blocks[0].attention.register_forward_hook(nothing),
        "b2lookNorm": lambda: model.blocks[1].attention_norm.register_forward_hook(unchanged),
        "norm": lambda: model.final_norm.register_forward_hook(unchanged),
        "place": lambda: model.position_embedding.register_forward_hook(nothing),
        "b1mlp.5=1.5": lambda: model.blocks[0].mlp.register_forward_hook(fixed),
        "b2wide.5=1.5": lambda: model.blocks[1].mlp.hidden.register_forward_hook(fixed),
    }
    made[change]()


CHANGES = ["b1found.h2", "b2mlp", "b1attention", "b2lookNorm", "norm", "place", "b1mlp.5=1.5", "b2wide.5=1.5"]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_taken_apart_guesses_and_loses_as_in_torch(open_live: OpenLive, site: Site, change: str) -> None:
    _, piece = open_live(f"?gpt-off={change}")
    model = city(site)
    names = json.loads((site.folder / "live" / "gpt" / "unseen.json").read_text(encoding="utf-8"))

    def loss() -> float:
        total, count = 0.0, 0
        with torch.no_grad():
            for name in names:
                ids = ids_of(name)
                scores = model(torch.tensor([ids]))[0].log_softmax(dim=-1)
                total -= scores[range(len(ids)), [*ids[1:], 0]].sum().item()
                count += len(ids)
        return total / count

    whole = loss()
    changed(model, change)
    piece.evaluate(SET, {"at": at_station("scores")})
    with torch.no_grad():
        expected = model(torch.tensor([ids_of("plym")]))[0, -1]
    torch.testing.assert_close(torch.tensor(values(piece)[-1]), expected, rtol=0, atol=10 * TOLERANCE)
    apart = piece.locator(".through-apart")
    expect(apart).to_contain_text("lower is better")
    said = [float(text) for text in re.findall(r"(\d+\.\d\d)(?= instead| \(lower)", apart.inner_text())]
    assert said == pytest.approx([loss(), whole], abs=0.006)
    assert piece.evaluate("piece => [...piece.querySelectorAll('.through-apart')].length") == 1


def test_a_switch_takes_a_part_off_and_one_press_puts_all_back(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    piece.get_by_text("Take it apart").click()
    piece.get_by_role("button", name=re.compile("Switch head . off")).click()
    expect(piece.locator(".through-apart")).to_contain_text("Changed: head")
    page.wait_for_url(re.compile("gpt-off=b2found.h"))
    piece.get_by_role("slider", name="Station").fill(str(at_station("mlp")))
    piece.get_by_role("button", name="Switch this MLP off").click()
    expect(piece.locator(".through-apart")).to_contain_text("the MLP of block 1 off")
    piece.get_by_role("slider", name=re.compile("Set number")).fill("2")
    expect(piece.locator(".through-apart")).to_contain_text("is 2.0 for every letter")
    assert state(piece)["off"].count(",") == 2
    piece.get_by_role("button", name="on again").click()
    assert state(piece)["off"].count(",") == 1
    piece.get_by_role("button", name="Put all back").click()
    expect(piece.locator(".through-apart")).not_to_contain_text("Changed")
    assert state(piece)["off"] == ""


def test_what_it_would_say_now_is_what_the_last_norm_and_the_table_say(
    opened: tuple[Page, Locator], site: Site
) -> None:
    _, piece = opened
    model = city(site)
    piece.evaluate(SET, {"text": "bern", "at": at_station("looked", 0)})
    running = numbers_of(model, ids_of("bern"))["b1looked"][-1]
    with torch.no_grad():
        shares = (model.final_norm(running) @ model.token_embedding.weight.T).softmax(dim=-1)
    best = shares.argsort(descending=True)[:3].tolist()
    said = piece.locator(".through-lens").inner_text()
    for place in best:
        share = round(100 * shares[place].item())
        assert any(f"{LABELS[place]} {near}%" in said for near in (share - 1, share, share + 1)) or share < 1, said
    # At the top of the last block it is the guess itself.
    piece.evaluate(SET, {"at": at_station("thought", 1)})
    first = piece.locator(".through-lens").inner_text().split(": ")[1].split(" ")[0]
    piece.evaluate(SET, {"at": at_station("guess")})
    assert f"“{first}”" in piece.locator(".through-said").inner_text() or first == "end"


ON_AND_OFF = [
    *(
        ("place", 0, "place"),
        ("lookNorm", 0, "b1lookNorm"),
        ("found", 0, "b1found.h3"),
        ("attention", 1, "b2attention"),
    ),
    *(("looked", 1, "b2attention"), ("thinkNorm", 1, "b2thinkNorm"), ("mlp", 0, "b1mlp"), ("thought", 1, "b2mlp")),
    ("norm", 0, "norm"),
]


def test_a_station_whose_part_is_off_says_so_and_a_number_that_was_set_says_what_it_was(
    opened: tuple[Page, Locator],
) -> None:
    _, piece = opened
    said = piece.locator(".through-said")
    for kind, block, code in ON_AND_OFF:
        piece.evaluate(SET, {"text": "anna", "at": at_station(kind, block), "head": 3, "off": ""})
        assert " off" not in said.inner_text()
        piece.evaluate(SET, {"off": code})
        assert " off" in said.inner_text(), kind
    piece.evaluate(SET, {"at": at_station("thought", 1), "off": "norm"})
    lens = piece.locator(".through-lens").inner_text()
    piece.evaluate(SET, {"at": at_station("guess")})
    best = re.search(r"“(\w+)” gets (\d+%)", said.inner_text())
    assert best, said.inner_text()
    assert f"{best[1]} {best[2]}" in lens, "the guess from the last sum is the guess, also without the last norm"
    parts = ["token", "place", "b1lookNorm", "b1query", "b1value", "b2found", "b1attention", "b1looked", "b2thinkNorm"]
    kinds = {"query": "qkv", "value": "qkv", "token": "token", "place": "place"}
    for part in [*parts, "b1wide", "b2bent", "b2mlp", "b1thought", "norm", "start"]:
        name = re.sub(r"^b\d", "", part)
        kind = {"start": "place"}.get(name, kinds.get(name, name))
        block = int(part[1]) - 1 if part[0] == "b" and part[1].isdigit() else 0
        piece.evaluate(SET, {"at": at_station(kind, block), "head": 1, "off": f"{part}.3=9.5", "cell": -1})
        grids = piece.evaluate("piece => piece.now.grids.map(({ part }) => part?.[0])")
        if name in grids:
            piece.locator(".cells:visible").nth(grids.index(name)).locator("[role=option]").nth(2).click()
            expect(piece.locator(".through-how")).to_contain_text("you changed it to 9.50")


def test_no_sentence_of_any_station_has_a_number_that_is_none(opened: tuple[Page, Locator]) -> None:
    _, piece = opened
    all_off = "b1attention,b1mlp,norm,b1lookNorm,place,b2found.h2"
    wild = "norm.1=100,norm.2=-100,b1query.1=100,b1key.1=-100,b2query.9=100,b2key.9=100,b1wide.3=0,token.4=9,b1bent.1=5"
    wanted = [
        *({"text": ""}, {"text": "anna", "back": 1}, {"text": "abcdefghijklmnopqrstuvwx"}),
        *({"temperature": 0}, {"temperature": 0.1, "off": all_off}, {"text": "bob", "temperature": 0.3, "off": wild}),
    ]
    sweep = """async (piece, [wanted, stations]) => {
      const bad = [];
      const texts = ["words", "lens", "how", "apart"].map((name) => piece.querySelector(`.through-${name}`));
      for (const state of wanted) {
        for (let at = 0; at < stations; at++) {
          await piece.set({ ...piece.defaults, ...state, at });
          const said = texts.map((part) => part.textContent).join(" ");
          if (/NaN|undefined|null|Infinity|object|\\de[+-]?\\d|−−|\\.\\./.test(said)) bad.push([at, said]);
        }
      }
      return bad;
    }"""
    assert piece.evaluate(sweep, [wanted, NUM_STATIONS]) == []


def test_marks_have_one_name_and_a_letter_that_comes_twice_has_its_place(opened: tuple[Page, Locator]) -> None:
    _, piece = opened
    piece.evaluate(SET, {"text": "anna", "at": at_station("score"), "back": 1})
    assert "at place 3" in piece.locator(".through-words .live-note").inner_text()
    assert piece.locator(".cells-rows > b").all_text_contents() == ["start", "a", "n", "n"]
    piece.evaluate(SET, {"at": at_station("share")})
    square = piece.locator(".cells:visible").last
    assert square.locator("i").all_text_contents() == square.locator("b").all_text_contents() == ["start", *"anna"]
    masked = square.locator("[role=option]:not(.plus):not(.minus)")
    assert masked.count() == 4 + 3 + 2 + 1
    piece.evaluate(SET, {"text": "plym", "back": 4, "at": at_station("looked", 1)})
    said = piece.locator(".through-said").inner_text()
    assert "“start”" in said
    assert "only looked at itself" in said


def test_from_where_a_number_comes_from_one_comes_back(opened: tuple[Page, Locator]) -> None:
    _, piece = opened
    asked = {"text": "bern", "at": at_station("found", 1), "back": 0, "head": 2, "cell": 5}
    piece.evaluate(SET, asked)
    back = piece.get_by_role("button", name="Back to")
    assert back.count() == 0
    values_of_others = piece.locator(".cells:visible").nth(1).locator("[role=option]")
    values_of_others.nth(3).click()
    piece.get_by_role("button", name="Where does it come from?").click()
    expect(piece.locator(".through-how")).to_contain_text("line of “start”")
    expect(back).to_contain_text(f"“n”, station {asked['at'] + 1}")
    back.click()
    assert {key: state(piece)[key] for key in asked} == asked
    expect(back).to_have_count(0)


def test_one_number_is_followed_to_the_top_and_what_is_asked_beside_a_score_keeps_its_row(
    opened: tuple[Page, Locator],
) -> None:
    _, piece = opened
    for text in ("plym", "bern", "xyz"):
        piece.evaluate(SET, {"text": text, "at": at_station("place"), "cell": -1})
        followed = piece.evaluate("piece => piece.asked[1]")
        for block in (0, 1):
            for kind in ("lookNorm", "qkv", "looked", "thinkNorm", "wide", "thought"):
                piece.evaluate(SET, {"at": at_station(kind, block)})
                first = piece.locator(".cells:visible").first.locator("[role=option]")
                assert "lit" in str(first.nth(followed).get_attribute("class")).split(), (text, kind)
        piece.evaluate(SET, {"at": at_station("scores")})
        first = piece.locator(".cells:visible").first.locator("[role=option]")
        assert "lit" in str(first.nth(followed).get_attribute("class")).split()
    piece.locator(".cells:visible").last.locator("[role=option]").nth(11).click()  # k
    row = piece.locator(".cells:visible").nth(1)
    expect(row).to_contain_text("“k”")
    row.locator("[role=option]").nth(2).click()
    expect(row).to_contain_text("“k”")
    expect(piece.locator(".through-how")).to_contain_text("“k”")
    expect(piece.locator(".through-how")).to_contain_text("learned")


def test_the_code_is_the_packages_own(opened: tuple[Page, Locator], site: Site) -> None:
    _, piece = opened
    sources = {lines.module: Path(__file__).parents[1] / "code" / "gptbook" for lines in LINES.values()}
    for key, snippet in code_of().items():
        module = LINES[key].module
        text = (sources[module] / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert all(line.strip() in text for line in snippet["lines"].splitlines())
        assert len(snippet["lines"].splitlines()) <= 8
        page = (site.folder / snippet["page"] / "index.html").read_text(encoding="utf-8")
        assert f'id="{snippet["anchor"]}"' in page
    piece.get_by_text("The code that does this").click()
    link = piece.locator(".through-fold a")
    assert "reference/models/#gptbook.models.attention" in str(link.evaluate("link => link.href"))


def test_nonsense_among_the_changes_is_left_out(open_live: OpenLive) -> None:
    nonsense = "b9mlp,b1mlp.999=1,b1found.h9,%3Cb%3E,b1scores,token,b1mlp.1=1e9,__proto__"
    _, piece = open_live(f"?gpt-off={nonsense},b1mlp.2=-0.5")
    expect(piece.locator(".through-apart")).to_contain_text("number 2 of the MLP of block 1 is −0.5")
    assert piece.locator(".through-apart").inner_text().count(" of block ") == 1


def test_without_a_connection_it_says_so_and_comes_back(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    page.context.set_offline(True)
    field(piece).fill("bern")
    expect(piece.get_by_role("alert").first).to_contain_text("offline")
    page.complaints.clear()
    page.context.set_offline(False)
    field(piece).fill("berl")
    expect(piece.get_by_role("alert").first).to_have_text("")
    assert state(piece)["text"] == "berl"


def test_scripts_stay_in_their_budget(site: Site) -> None:
    folder = site.folder / "widgets"
    sizes = {path.name: len(gzip.compress(path.read_bytes(), mtime=0)) for path in folder.iterdir()}
    assert sum(sizes[name] for name in [*OWN, ON_WIDE_SCREENS]) <= OWN_KB * KILOBYTE
    loaded = loaded_by(folder, f"{NAME}.js")
    assert set(OWN) <= loaded
    assert sum(sizes[name] for name in loaded if name.endswith(".js")) <= WHOLE_KB * KILOBYTE
    for name in ("through.json", "unseen.json"):
        assert len(gzip.compress((site.folder / "live" / "gpt" / name).read_bytes(), mtime=0)) <= 12 * KILOBYTE


def test_a_key_is_painted_soon_even_by_a_slow_processor(opened: tuple[Page, Locator]) -> None:
    """Counted in work, not in time: a letter more redraws the tower in a few paths, and no cell is made anew."""
    _, piece = opened
    piece.evaluate(SET, {"text": "ber", "at": at_station("looked", 0)})
    cell = piece.locator(".cells:visible [role=option]").first.element_handle()
    paths = piece.locator("svg.tower path").count()
    field(piece).fill("bern")
    assert cell.evaluate("cell => cell.isConnected")
    assert piece.locator("svg.tower path").count() <= paths + 8


def test_on_a_wide_screen_the_tower_follows_what_is_read(pages: PagePool, site: Site) -> None:
    page = pages.take(viewport={"width": 1280, "height": 900})
    page.goto(site.page("language/gpt.py"))
    piece = page.locator(f"live-{NAME}")
    page.locator(f"#{NAME}").scroll_into_view_if_needed()
    piece.wait_for(state="visible")
    beside = page.locator(".tower-beside")
    heights = []
    names = re.compile(r"^(Tokens|Positions|The MLP in|The other|The guess)")
    told = page.locator("article p > strong:first-child", has_text=names)
    assert told.count() == 5
    for word in told.all():
        word.evaluate("word => scrollTo(0, word.getBoundingClientRect().top + scrollY - innerHeight / 3)")
        expect(beside).to_have_class(re.compile("here"))
        settle(page)
        heights.append(beside.locator(".tower-frame").evaluate("frame => frame.y.baseVal.value"))
        box, text = beside.locator("svg").bounding_box(), word.locator("..").bounding_box()
        assert box is not None
        assert text is not None
        assert text["x"] + text["width"] <= box["x"] <= box["x"] + box["width"] <= 1280
        assert 48 <= box["y"] <= 320, "it stands where the first of these paragraphs begins, then under the header"
    assert heights == sorted(heights, reverse=True), "from the bottom of the tower to its top"
    assert len(set(heights)) == len(heights)
    beside.locator("svg").click(position={"x": 200, "y": 5})
    expect(title(piece)).to_contain_text("the guess")
    expect(beside).not_to_have_class(re.compile("here"))
    assert page.complaints == []
    pages.give_back(page)


def opened_at_home(page: Any, site: Site) -> Locator:
    """The short form, which comes when the reader presses Play, and is stopped at once."""
    page.goto(site.url)
    settle(page)
    assert not [url for url in page.asked if "/live/gpt/" in url or url.endswith("/through-the-gpt.js")]
    page.locator(f"#{NAME} > .play").click()
    piece: Locator = page.locator(f"live-{NAME}")
    piece.wait_for(state="visible")
    piece.locator(".through-steps .primary", has_text="Stop").click()
    return piece


def test_the_short_form_on_the_home_page_writes_and_leads_to_the_whole(pages: PagePool, site: Site) -> None:
    page = pages.take(COUNT_SHIFTS)
    piece = opened_at_home(page, site)
    assert page.locator(f"#{NAME} > .play").count() == 0
    field(piece).fill("bern")
    piece.get_by_role("slider", name="Station").fill("1")
    expect(title(piece)).to_contain_text("token table")
    piece.get_by_role("button", name="Write on").click()
    expect(field(piece)).to_have_value(told(piece, 1, "bern", city(site)))
    assert page.evaluate("location.search") == ""
    assert axe_finds(page, f"#{NAME}") == []
    page.get_by_role("link", name="Look at each number").click()
    page.wait_for_url("**/language/gpt/#through-the-gpt")
    assert page.complaints == []
    pages.give_back(page)


@pytest.mark.parametrize("width", [320, 1100, 1280])
def test_the_short_form_fits_and_keeps_its_height(pages: PagePool, site: Site, width: int) -> None:
    page = pages.take(viewport={"width": width, "height": 900})
    piece = opened_at_home(page, site)
    heights = set()
    for at in range(NUM_STATIONS):
        piece.evaluate(SET, {"at": at})
        heights.add(piece.evaluate("piece => piece.offsetHeight"))
        words = piece.locator(".through-words")
        assert words.evaluate("words => words.scrollHeight <= words.clientHeight + 1"), (at, title(piece).inner_text())
    assert len(heights) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    pages.give_back(page)


def test_offline_the_home_page_keeps_its_picture_and_its_button(pages: PagePool, site: Site) -> None:
    page = pages.take()
    page.goto(site.url)
    settle(page)
    page.context.set_offline(True)
    page.locator(f"#{NAME} > .play").click()
    expect(page.locator(f"#{NAME} > .play")).to_be_enabled()
    assert page.locator(f"#{NAME} > svg").is_visible()
    page.complaints.clear()
    pages.give_back(page)

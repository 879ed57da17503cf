"""Chapter 9's live piece: where the chapter's model looks, and what it and a table expect."""

import json
import random
from collections import Counter
from typing import Any

import pytest
import torch
from conftest import Site
from live_pages import OpenLive, percent, settle
from playwright.sync_api import Locator, Page, Route, expect
from safetensors.torch import load_file

from gptbook.data.clubs import ClubGrammar
from gptbook.data.tokenizer import WordTokenizer
from gptbook.models.attention import AttentionModel

pytestmark = pytest.mark.browser

NAME = "look-back"
FIRST_GAP, CLUB, GAP = 4, "Porto", 14


def opening(site: Site) -> dict[str, Any]:
    return dict(json.loads((site.folder / "live" / "attention" / "opening.json").read_text(encoding="utf-8")))


def model(site: Site) -> AttentionModel:
    """The package's model with the published numbers."""
    grammar = ClubGrammar()
    net = AttentionModel(len(grammar.words) + 1, model_dim=64, num_heads=2)
    net.load_state_dict(load_file(site.folder / "live" / "attention" / "model.safetensors"))
    return net.eval()


def words(published: dict[str, Any], gap: int, club: str) -> list[str]:
    return [club if word == "-" else word for word in published["sentences"][gap - FIRST_GAP].split(" ")]


def looked(published: dict[str, Any], back: int, head: int = 1) -> str:
    """What the piece says of where a head looks, in the sentence that it opens on."""
    sentence = ["start", *words(published, GAP, CLUB)]
    place = len(sentence) - 1 - back
    shares = published["looks"][place][head - 1]
    best = shares.index(max(shares))
    target = "itself" if best == place else f"“{sentence[best]}”"
    return f"“{sentence[place]}” looks most at {target}: {percent(shares[best] / 1000)}."


def guessed(published: dict[str, Any], back: int) -> str:
    """What the piece says that attention expects after that word."""
    token, share = published["guesses"][len(published["guesses"]) - 1 - back]
    return f"Attention: {published['labels'][token]} {share}%"


def after_semicolon(published: dict[str, Any]) -> int:
    """So many words before the last one stands the semicolon, after which comes he or she."""
    return words(published, GAP, CLUB)[::-1].index(";")


def weights_asked(page: Page) -> list[str]:
    return [address for address in page.asked if address.endswith("safetensors")]


def test_scores_and_weights_are_torchs_on_a_hundred_prompts(opened: tuple[Page, Locator], site: Site) -> None:
    page, _ = opened
    net, draw = model(site), random.Random(0)
    prompts = [[0, *draw.choices(range(1, 91), k=draw.randrange(30))] for _ in range(100)]
    computed = page.evaluate(
        """async (prompts) => {
          const { openModel } = await import(new URL("../../widgets/engine.js", document.baseURI));
          const piece = document.querySelector("live-look-back");
          const model = await openModel(new URL("model.safetensors", piece.folder));
          const found = [];
          for (const ids of prompts) {
            const { logits, attention } = await model.next(ids, { attention: true });
            found.push({ logits: [...logits], looks: attention[0].map((head) => [...head]) });
          }
          return found;
        }""",
        prompts,
    )
    for ids, found in zip(prompts, computed):
        with torch.no_grad():
            tokens = torch.tensor([ids])
            assert torch.tensor(found["logits"]) == pytest.approx(net(tokens)[0, -1], abs=1e-4)
            looks = net.attention.weights(net.embedding(tokens))[0, :, -1]
        assert torch.tensor(found["looks"]) == pytest.approx(looks, abs=1e-4)


def test_it_opens_with_what_the_model_says_of_that_sentence(site: Site) -> None:
    published, net = opening(site), model(site)
    tokenizer = WordTokenizer(ClubGrammar().words)
    assert published["labels"] == tokenizer.labels
    ids = torch.tensor([[0, *tokenizer.encode(words(published, GAP, CLUB))]])
    with torch.no_grad():
        looks = net.attention.weights(net.embedding(ids))[0]
        shares, tokens = net(ids)[0].softmax(dim=-1).max(dim=-1)
    assert len(published["looks"]) == ids.shape[1]
    for place, heads in enumerate(published["looks"]):
        assert torch.tensor(heads) / 1000 == pytest.approx(looks[:, place, : place + 1], abs=6e-4)
    assert [token for token, _ in published["guesses"]] == tokens.tolist()
    assert [percent for _, percent in published["guesses"]] == pytest.approx((100 * shares).tolist(), abs=0.51)
    assert looked(published, 0).startswith(f"“at” looks most at “{CLUB}”"), "head 1, the one it opens on"


def test_the_tables_answers_are_counts_of_the_same_sentences(site: Site) -> None:
    published = opening(site)
    sentences = ClubGrammar().sentences(20_000, seed=0)
    for gap in (FIRST_GAP, 7, 8, GAP):
        for place, club in enumerate(published["stadiums"]):
            before = words(published, gap, club)
            for width in range(8, -1, -1):
                end = before[len(before) - width :]
                followed = Counter(
                    row[i] for row in sentences for i in range(width, len(row)) if row[i - width : i] == end
                )
                if followed:
                    break
            answers = published["table"][gap - FIRST_GAP][-1]
            token, percent = answers[place if len(answers) > 1 else 0]
            times = followed[published["labels"][token]]
            assert times == max(followed.values())
            assert percent == round(100 * times / followed.total())
            if len(answers) == 1:
                break  # beyond the window: the same for every club


def test_by_keyboard_alone_attention_is_right_at_every_gap(opened: tuple[Page, Locator], site: Site) -> None:
    page, piece = opened
    published = opening(site)
    attention, table = (piece.locator(".look-guesses p").nth(row) for row in (0, 1))
    expect(piece.locator(".look-where")).to_have_text(looked(published, 0))
    piece.get_by_label("start").focus()
    piece.locator("input:checked").first.focus()
    page.keyboard.press("ArrowLeft")
    expect(piece.locator(".look-where")).to_have_text(looked(published, 1))
    expect(attention).to_have_text(guessed(published, 1))
    page.keyboard.press("ArrowRight")
    assert not weights_asked(page)
    page.keyboard.press("Tab")  # the gap
    page.keyboard.press("Home")
    last = len(published["sentences"]) + FIRST_GAP - 1
    for gap in range(FIRST_GAP, last + 1):
        expect(attention).to_contain_text("Estádio do Dragão")
        expect(attention).to_contain_text("right")
        assert piece.evaluate("piece => piece.state.gap") == gap
        if gap < 8:
            expect(table).to_have_text("Table: Estádio do Dragão 100%, right")
        expect(piece.locator(".look-where")).to_contain_text("looks most at “Porto”")
        page.keyboard.press("ArrowRight")
    assert len(weights_asked(page)) == 1
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")  # head 2
    expect(piece.locator(".look-where")).not_to_contain_text("“Porto”")
    page.keyboard.press("Tab")
    page.keyboard.press("w")  # Wolves
    expect(attention).to_contain_text("Molineux")
    expect(piece.get_by_role("status")).to_contain_text("Attention: Molineux")


def test_by_touch_alone_he_or_she(open_live: OpenLive, site: Site) -> None:
    page, piece = open_live(has_touch=True)
    published = opening(site)
    piece.locator(".look-word", has_text=";").last.tap()
    expect(piece.locator(".look-where")).to_have_text(looked(published, after_semicolon(published)))
    pronoun = f"{guessed(published, after_semicolon(published))}, right"
    expect(piece.locator(".look-guesses p").first).to_have_text(pronoun)
    piece.locator("label", has_text="mean").tap()
    expect(piece.locator(".look-word small").first).to_be_attached()
    shares = [text for text in piece.locator(".look-words small").all_text_contents() if text]
    assert 95 <= sum(int(text[:-1]) for text in shares) <= 103
    piece.locator("select").select_option("Chelsea")
    expect(piece.locator(".look-words")).to_contain_text("Chelsea")
    box = piece.get_by_role("slider", name="Gap").bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    expect(piece.locator("output")).not_to_contain_text(f"{GAP} words")
    expect(piece.locator(".look-words .asks")).to_contain_text(";")
    piece.locator(".look-words label").last.tap()
    expect(piece.locator(".look-guesses p").first).to_contain_text("Stamford Bridge")


def test_an_arc_leads_from_the_word_that_asks_to_each_that_it_looks_at_as_wide_as_its_share(
    opened: tuple[Page, Locator], site: Site
) -> None:
    _, piece = opened
    published = opening(site)
    for back, head in ((0, 1), (after_semicolon(published), 2), (3, 1), (7, 2)):
        piece.evaluate("(piece, state) => piece.set(state)", {"back": back, "head": head})
        place = len(published["looks"]) - 1 - back
        shares = [share / 1000 for share in published["looks"][place][head - 1]]
        arcs = piece.locator(".look-arcs path").evaluate_all(
            """all => all.map((path) => {
              const [from, to] = [path.getPointAtLength(0), path.getPointAtLength(path.getTotalLength())];
              const words = [...path.closest("live-look-back").querySelectorAll(".look-words .look-word")];
              const frame = path.ownerSVGElement.getBoundingClientRect();
              const near = ({ x, y }) => words.findIndex((word) => {
                const box = word.getBoundingClientRect();
                const [left, top] = [x + frame.x - box.x, y + frame.y - box.y];
                return left > 0 && left < box.width && top > -1 && top < box.height + 1;
              });
              return [near(from), near(to), parseFloat(path.getAttribute("stroke-width"))];
            })"""
        )
        seen = {i: share for i, share in enumerate(shares[:place]) if share >= 0.03}
        assert [(start, end) for start, end, _ in arcs] == [(place, i) for i in seen]
        assert [width / 7 for *_, width in arcs] == pytest.approx(list(seen.values()), abs=0.01)


def test_the_word_that_asks_goes_on_asking_in_a_longer_sentence_and_one_that_is_gone_is_named(
    opened: tuple[Page, Locator], site: Site
) -> None:
    page, piece = opened
    published = opening(site)
    slider = piece.get_by_role("slider", name="Gap")
    sentence = ["start", *words(published, GAP, CLUB)]
    outcomes = set()
    for place, word in enumerate(sentence):
        back = len(sentence) - 1 - place
        piece.evaluate("(piece, state) => piece.set(state)", {"gap": GAP, "back": back})
        slider.press("ArrowRight")
        settle(page)
        after = ["start", *words(published, GAP + 1, CLUB)]
        asking = piece.locator(".look-words .asks span").inner_text()
        label = piece.locator(".look-label").inner_text()
        outcomes.add(word in after)
        if word in after:
            assert asking == word
            assert "asks." not in label
        else:
            assert asking == after[-1]
            assert f"“{word}”" in label
            expect(piece.get_by_role("status")).to_contain_text(f"“{word}”")
    assert outcomes == {True, False}, "choose a gap whose sentence lacks a word"


def test_a_mouse_that_points_at_a_word_asks_from_there(opened: tuple[Page, Locator], site: Site) -> None:
    page, piece = opened
    published = opening(site)
    where = piece.locator(".look-where")
    piece.locator(".look-words .look-word", has_text=";").hover()
    expect(where).to_have_text(looked(published, after_semicolon(published)))
    piece.locator(".live-title").hover()
    expect(where).to_have_text(looked(published, 0))
    assert page.url.count("back=") == 0


def test_an_address_with_other_things_in_it_opens_all_the_same(open_live: OpenLive) -> None:
    _, piece = open_live("?gap=4&back=99&head=-3&club=__proto__")
    state = {"club": CLUB, "gap": 4, "back": 9, "head": 0}
    assert piece.evaluate("piece => piece.state") == state
    expect(piece.locator(".look-where")).to_have_text("“start” looks most at itself: 100%.")


def test_without_a_connection_it_says_so_and_goes_on_later(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    page.context.set_offline(True)
    piece.locator("select").select_option("Chelsea")
    expect(piece.get_by_role("alert")).to_contain_text("offline")
    page.context.set_offline(False)
    page.complaints.clear()
    piece.locator("select").select_option("Wolves")
    expect(piece.locator(".look-guesses p").first).to_contain_text("Molineux")
    expect(piece.get_by_role("alert")).to_have_text("")


def test_a_phone_that_is_turned_while_the_model_is_on_its_way_does_no_harm(opened: tuple[Page, Locator]) -> None:
    page, piece = opened
    asked: list[Route] = []
    page.route("**/*.safetensors", lambda route: asked.append(route))  # no answer for now
    piece.evaluate(f"piece => void piece.set({{ gap: {FIRST_GAP} }})")
    for width, height in ((844, 390), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(piece.locator(".look-arcs path")).to_have_count(0)
    for route in asked:
        route.continue_()
    expect(piece.locator(".look-arcs path")).not_to_have_count(0)

"""Models and texts of readers in the live pieces: nothing in a file is believed, nothing stays, and all is told."""

import base64
import copy
import json
import random
import struct
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Site
from live_pages import OpenPiece, PagePool
from playwright.sync_api import Browser, Locator, Page, expect
from tokenizers import Tokenizer

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.data.tokenizer_files import TextTokenizer, end_token, first_token
from gptbook.exchange.export import save_for_web, tokenizer_for_web
from gptbook.generation.generate import generate_tokens
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT

pytestmark = pytest.mark.browser

OWN = ["city-gpt", "choose"]
"""The pieces that take a model of the reader's."""
PIECES = BytePairTokenizer([(b"t", b"h"), (b"th", b"e"), (b" ", b"the")], end_of_text=True)
LETTERS = CharacterTokenizer("\n abcdefgh")
HELD = "async () => (await import(new URL('/widgets/engine.js', location.origin))).held()"
HOLDS = f"async (count) => (await ({HELD})()).worker?.models === count"
NUM_MUTANTS = 1_200
LARGEST_ARRAY = 32 * 1024**2
"""Bytes; the files below have some kilobytes."""

both = pytest.mark.parametrize("widget", OWN)


def exported(folder: Path, tokenizer: TextTokenizer = PIECES, *, modern: bool = False, half: bool = True) -> Path:
    torch.manual_seed(0)
    sizes = {"num_layers": 2, "num_heads": 2, "model_dim": 8, "mlp_dim": 12, "context_length": 16}
    config = GPTConfig(vocab_size=tokenizer.vocab_size, **sizes)
    return save_for_web((ModernGPT if modern else GPT)(config), tokenizer, folder, half)


def choose(piece: Locator, *files: Path | tuple[str, bytes]) -> None:
    """One file after another, without waiting for any of them."""
    for file in files:
        name, content = file if isinstance(file, tuple) else (file.name, file.read_bytes())
        given: Any = {"name": name, "mimeType": "", "buffer": content}
        piece.locator("input[type=file]").set_input_files(given)


def about(piece: Locator) -> Locator:
    return piece.locator(".own-model")


def refusal(piece: Locator) -> Locator:
    return piece.locator(".own-model").get_by_role("alert")


# ---- what nobody needs any more is closed


@both
def test_of_the_models_that_a_reader_tries_one_at_most_is_held(
    open_a_piece: OpenPiece, tmp_path: Path, site: Site, widget: str
) -> None:
    page, piece = open_a_piece(widget)
    first, second = exported(tmp_path / "first"), exported(tmp_path / "second", LETTERS, modern=True)
    choose(piece, ("first", first.read_bytes()))
    expect(about(piece)).to_contain_text("first: ")
    page.wait_for_function(HOLDS, arg=1)
    choose(piece, ("second", second.read_bytes()))  # replaced
    expect(about(piece)).to_contain_text("second: ")
    page.wait_for_function(HOLDS, arg=1)
    other_form = next(site.folder.glob("live/*/net.safetensors"))
    broken = first.read_bytes()[:-4]
    for number, content in enumerate([other_form.read_bytes(), broken, b""]):  # refused when open, and before
        choose(piece, (f"refused {number}", content))
        expect(refusal(piece)).not_to_have_text("")
        expect(about(piece)).to_contain_text("second: ")
        page.wait_for_function(HOLDS, arg=1)
        piece.evaluate("piece => piece.complain(piece.own, '')")
    choose(
        piece, ("third", first.read_bytes()), ("fourth", broken), ("fifth", first.read_bytes())
    )  # one overtakes another
    expect(about(piece)).to_contain_text("fifth: ")
    page.wait_for_function(HOLDS, arg=1)
    expect(refusal(piece)).to_have_text("")
    piece.get_by_role("button", name="Back to the city GPT").click()  # left
    page.wait_for_function(HOLDS, arg=0)
    choose(piece, ("sixth", first.read_bytes()))
    piece.evaluate("piece => piece.own.leave()")  # left while it is read
    choose(piece, ("seventh", first.read_bytes()))
    expect(about(piece)).to_contain_text("seventh: ")
    page.wait_for_function(HOLDS, arg=1)


@both
def test_a_piece_taken_off_the_page_leaves_no_model_and_no_writer(
    open_a_piece: OpenPiece, tmp_path: Path, widget: str
) -> None:
    page, piece = open_a_piece(widget)
    choose(piece, exported(tmp_path))
    expect(about(piece)).to_contain_text("parameters")
    page.wait_for_function(HOLDS, arg=1)
    piece.evaluate("piece => { window.kept = piece; piece.parentElement.append(piece); }")  # moved, and not gone
    assert page.evaluate(HELD)["worker"]["models"] == 1
    piece.get_by_role("button", name="Write", exact=widget == "choose").first.click()
    piece.evaluate("piece => piece.remove()")
    page.wait_for_function(HOLDS, arg=0)
    page.wait_for_function(f"async () => (await ({HELD})()).worker.writers === 0")
    assert page.evaluate("piece => kept.own.element.textContent.includes('parameters')") is False


def test_the_chapters_own_models_go_with_their_piece(open_a_piece: OpenPiece) -> None:
    page, piece = open_a_piece("window")
    piece.get_by_label("Letters so far").fill("ma")
    page.wait_for_function(f"async () => (await ({HELD})()).here?.models > 0")
    piece.evaluate("piece => piece.remove()")
    page.wait_for_function(f"async () => (await ({HELD})()).here?.models === 0")


@both
def test_a_worker_that_dies_is_told_and_another_one_opens_the_file_again(
    open_a_piece: OpenPiece, tmp_path: Path, widget: str
) -> None:
    page, piece = open_a_piece(widget)
    path = exported(tmp_path)
    choose(piece, path)
    expect(about(piece)).to_contain_text("parameters")
    [worker] = page.workers
    with worker.expect_event("close"):  # what it holds is let go
        worker.evaluate("() => void setTimeout(() => { throw new Error('no memory left'); })")
    field = piece.locator("input[type=text], textarea").first
    field.fill("the")
    expect(piece.locator(".live-field").get_by_role("alert")).to_contain_text("choose its file again")
    choose(piece, path)
    expect(piece.locator(".live-field").get_by_role("alert")).to_have_text("")
    page.wait_for_function(HOLDS, arg=1)
    page.complaints.clear()  # the browser's own line about the worker


def test_a_closed_model_takes_its_writers_along(pages: PagePool, site: Site, tmp_path: Path) -> None:
    page = pages.take()
    page.goto(site.url + "404.html")
    content = base64.b64encode(exported(tmp_path).read_bytes()).decode()
    for here in (False, True):
        found = page.evaluate(
            """async ([content, here]) => {
              const { openModel, held } = await import("/widgets/engine.js");
              const { buffer } = Uint8Array.from(atob(content), (letter) => letter.charCodeAt());
              const model = await openModel(buffer, { here });
              await model.write([1], { count: 1e9 }).next(); // begun, and never ended by whoever asked
              const before = (await held())[here ? "here" : "worker"];
              await model.close();
              await model.close();
              return [before, (await held())[here ? "here" : "worker"]];
            }""",
            [content, here],
        )
        assert found == [{"models": 1, "writers": 1}, {"models": 0, "writers": 0}]
    pages.give_back(page)


# ---- a file may hold anything


def parts_of(content: bytes) -> tuple[dict[str, Any], bytes]:
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header: Any, numbers: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


NESTED: Any = []
for _ in range(200):
    NESTED = [NESTED]
ODD: list[Any] = [
    *(None, True, -1, 0, 1, 2, 1.5, 7, 10**5, 999_999, 2**31, 2**53, 10**300, "", "x", "1", "é", "\ud800"),
    *([], {}, [[]], [None], [0, 2**53], ["a", "b", "c"], {"length": 10**9}, "__proto__", "constructor", NESTED),
]


def with_one_thing_changed(value: Any, chance: random.Random) -> Any:
    """The JSON value with something in it replaced, left out, or put in twice."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        changed = {**value, key: with_one_thing_changed(value[key], chance)}
        if chance.random() < 0.1:
            del changed[key]
        if chance.random() < 0.1:
            changed[chance.choice(["__proto__", "toString", "x", "config"])] = copy.deepcopy(chance.choice(ODD))
        return changed
    if isinstance(value, list) and value and chance.random() < 0.9:
        place = chance.randrange(len(value))
        new = [with_one_thing_changed(value[place], chance)] * chance.choice([0, 1, 1, 1, 2])
        return [*value[:place], *new, *value[place + 1 :]]
    if isinstance(value, str) and value[:1] in "{[" and len(value) > 1 and chance.random() < 0.9:
        return json.dumps(with_one_thing_changed(json.loads(value), chance))
    return copy.deepcopy(chance.choice(ODD))


def with_other_header(content: bytes, chance: random.Random) -> bytes:
    header, numbers = parts_of(content)
    return joined(with_one_thing_changed(header, chance), numbers)


def with_other_metadata(content: bytes, chance: random.Random) -> bytes:
    header, numbers = parts_of(content)
    return joined(header | {"__metadata__": with_one_thing_changed(header["__metadata__"], chance)}, numbers)


def with_other_bytes(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    within = chance.choice([9, 300, len(content)])
    for _ in range(chance.randrange(1, 6)):
        changed[chance.randrange(within)] = chance.randrange(256)
    return bytes(changed)


def with_another_length(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content))
    return chance.choice([content[:place], content[place:], content[:place] * 2, content + bytes(place)])


def with_other_numbers(content: bytes, chance: random.Random) -> bytes:
    header, numbers = parts_of(content)
    kind = "<f2" if any(entry.get("dtype") == "F16" for entry in header.values()) else "<f4"
    changed = np.frombuffer(numbers, dtype=kind).copy()
    changed[chance.randrange(len(changed)) :: chance.randrange(1, 50)] = chance.choice([np.nan, np.inf, 6e4, -6e4, 0])
    return joined(header, changed.tobytes())


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    with_other_header,
    with_other_metadata,
    with_other_bytes,
    with_another_length,
    with_other_numbers,
]

TRY_THEM = """async ([files, here]) => {
  const { openModel } = await import("/widgets/engine.js");
  const said = [];
  for (const file of files) {
    const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt());
    const source = new File([bytes], "mine.safetensors");
    const model = await openModel(source, { here }).catch((error) => said.push(error.message) && null);
    if (!model) continue;
    try {
      if (!model.tokenizer) throw new Error("works"); // a piece asks for one, the engine does not
      const ids = model.start(model.tokenizer.sift("the bad é e\\u0301 \\ud800 \\n").known);
      await model.next(ids, { attention: true });
      const told = [...ids.map(model.tokenizer.label)];
      for await (const token of model.write(ids, { count: 20, stop: model.tokenizer.end })) told.push(token.text);
      said.push(told.every((one) => typeof one === "string") ? "works" : "writes what is no text");
    } catch (error) {
      said.push(error.message);
    }
    await model.close();
  }
  return said;
}"""
COUNT_ARRAYS = """() => {
  window.largest = 0;
  for (const name of ["ArrayBuffer", "Uint8Array", "Uint16Array", "Uint32Array", "Float32Array", "Float64Array"]) {
    const made = window[name];
    window[name] = new Proxy(made, {
      construct(target, given, asked) {
        const length = typeof given[0] === "number" ? given[0] * (target.BYTES_PER_ELEMENT ?? 1) : 0;
        window.largest = Math.max(window.largest, length);
        return Reflect.construct(target, given, asked);
      },
    });
  }
}"""


@pytest.fixture
def fresh(browser: Browser, site: Site) -> Iterator[Page]:
    """A page that nobody else has, in which all arrays are counted; nothing may be thrown there."""
    page = browser.new_context().new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.on("console", lambda message: thrown.append(message.text) if message.type == "error" else None)
    page.goto(site.url + "404.html")
    page.evaluate(COUNT_ARRAYS)
    yield page
    assert thrown == []
    page.context.close()


@pytest.mark.parametrize("here", [True, False])
def test_of_a_thousand_changed_files_each_works_or_gets_a_sentence(fresh: Page, tmp_path: Path, here: bool) -> None:
    chance = random.Random(int(here))
    whole = [
        exported(tmp_path / "pieces").read_bytes(),
        exported(tmp_path / "letters", LETTERS, modern=True, half=False).read_bytes(),
    ]
    mutants = [MUTATIONS[n % len(MUTATIONS)](whole[n // 2 % 2], chance) for n in range(NUM_MUTANTS)]
    said = []
    for first in range(0, NUM_MUTANTS, 300):
        files = [base64.b64encode(content).decode() for content in mutants[first : first + 300]]
        said += fresh.evaluate(TRY_THEM, [files, here])
    assert len(said) == NUM_MUTANTS
    expected = (
        "works",
        "This file is not a model of the book: ",
        "The model’s scores are no numbers",
        "This model is too large for a page",
    )
    strange = [(n, text) for n, text in enumerate(said) if not text.startswith(expected)]
    assert strange == []
    code = ("undefined", "null", "[object", "Error", "NaN", "\n", "Invalid", "function")
    assert [text for text in said if any(word in text for word in code) or len(text) > 300] == []
    assert 20 < said.count("works") < NUM_MUTANTS / 2, "most changes are seen"
    assert len(set(said)) > 20, "and told apart"
    assert fresh.evaluate(HELD)["here" if here else "worker"] == {"models": 0, "writers": 0}
    assert fresh.evaluate("window.largest") < LARGEST_ARRAY


OTHER_FILES = {
    "nothing": b"",
    "one byte": b"\x00",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "a zip": b"PK\x03\x04" + bytes(500),
    "a pickle": b"\x80\x02}q\x00(X" + bytes(500),
    "json": b'{"model_type": "gpt2"}',
    "a text": b"To be, or not to be, that is the question.",
    "zeros": bytes(4096),
}


@both
def test_what_is_no_model_is_told_in_one_sentence_and_the_piece_goes_on(
    open_a_piece: OpenPiece, tmp_path: Path, widget: str
) -> None:
    _, piece = open_a_piece(widget)
    header, numbers = parts_of(exported(tmp_path).read_bytes())
    foreign = {"__metadata__": {"format": "pt"}, **{name: each for name, each in header.items() if name[0] != "_"}}
    files = OTHER_FILES | {"of transformers": joined(foreign, numbers)}
    said = {}
    for name, content in files.items():
        choose(piece, (name, content))
        expect(refusal(piece)).not_to_have_text("")
        said[name] = refusal(piece).inner_text()
        piece.evaluate("piece => piece.own.leave()")
    for name, text in said.items():
        assert text.startswith("This file is not a model of the book: "), name
        assert "gptbook export" in text, name
    for name, word in {"nothing": "empty", "a picture": "picture", "a zip": "zip", "json": "JSON"}.items():
        assert word in said[name]
    before = piece.inner_text()
    piece.locator("input[type=text], textarea").first.fill("lon")
    expect(piece).not_to_have_text(before)
    expect(piece.locator(".live-field").get_by_role("alert")).to_have_text("")


def test_a_file_larger_than_a_page_can_hold_is_not_read(fresh: Page) -> None:
    said = fresh.evaluate(
        """async () => {
          const { openModel } = await import("/widgets/engine.js");
          const file = new File([], "huge.safetensors");
          Object.defineProperty(file, "size", { value: 5e9 });
          file.arrayBuffer = () => { throw new TypeError("read"); };
          return openModel(file).catch((error) => error.message);
        }"""
    )
    assert "too large" in said


def test_an_accent_is_one_text_however_it_is_typed_and_however_an_alphabet_has_it(fresh: Page) -> None:
    single, parts = "café\n", unicodedata.normalize("NFD", "café\n")
    alphabets = {"single": sorted(set(single)), "parts": sorted(set(parts)), "sign": ["c", "a", "f", "\u212b"]}
    starts, sifted = fresh.evaluate(
        """async ([alphabets, texts]) => {
          const { makeTokenizer } = await import("/widgets/tokenizers.js");
          const made = alphabets.map((characters) => makeTokenizer({ kind: "characters", characters }));
          const every = (given) => made.slice(0, 2).map((each) => texts.map(given(each)));
          const sifted = every((each) => (text) => each.sift(text + "京"));
          return [[every((each) => each.start), made[2].start("\\u00c5")], sifted];
        }""",
        [list(alphabets.values()), [single, parts]],
    )
    for found, characters, form in zip(starts[0], alphabets.values(), ("NFC", "NFD")):
        tokenizer = CharacterTokenizer(characters)
        assert found == [tokenizer.encode(unicodedata.normalize(form, single))] * 2  # type: ignore[arg-type]
    assert starts[1] == [4], "the sign for ångström is the letter Å"
    for found, form in zip(sifted, ("NFC", "NFD")):
        assert [each["known"] for each in found] == [unicodedata.normalize(form, single)] * 2  # type: ignore[arg-type]
        assert all(each["problem"] is not None for each in found)


# ---- long words


def test_long_words_are_cut_as_tokenizers_cuts_them_with_work_in_line_with_their_length(
    fresh: Page, tmp_path: Path
) -> None:
    chance = random.Random(0)
    words = [
        "".join(chance.choices("ACGT", k=20_000)),
        "a" * 20_001,
        "ab" * 9_000,
        "".join(chance.choices("京都大学", k=9_000)),
    ]
    learned = BytePairTokenizer.learn([word[:2_000] for word in words] + ["the thin thing then"], 420, end_of_text=True)
    learned.save(tmp_path / "tokenizer.json")
    reference = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    ids, work = fresh.evaluate(
        """async ([spec, words]) => {
          const { makeTokenizer } = await import("/widgets/tokenizers.js");
          const ids = words.map((word) => makeTokenizer(spec).encode(word));
          const get = Map.prototype.get;
          const work = words.map((word) => [0.1, 1].map((part) => {
            const tokenizer = makeTokenizer(spec);
            let asked = 0;
            Map.prototype.get = function (key) { asked++; return get.call(this, key); };
            tokenizer.encode(word.slice(0, part * word.length));
            Map.prototype.get = get;
            return asked;
          }));
          return [ids, work];
        }""",
        [tokenizer_for_web(learned), words],
    )
    assert ids == [reference.encode(word).ids for word in words]
    assert all(len(found) < len(word.encode()) for found, word in zip(ids, words))
    for tenth, whole in work:
        assert tenth > 100
        assert whole < 20 * tenth, "ten times the length, and not a hundred times the work"


# ---- where writing begins and ends


@pytest.mark.parametrize("tokenizer", [PIECES, LETTERS, CharacterTokenizer("abc")], ids=["pieces", "lines", "letters"])
def test_a_readers_model_begins_and_stops_where_sample_does(
    fresh: Page, tmp_path: Path, tokenizer: TextTokenizer
) -> None:
    torch.manual_seed(3)
    sizes = {"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 12, "context_length": 32}
    model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, **sizes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape))
    content = save_for_web(model, tokenizer, tmp_path, half=False).read_bytes()
    starts, end, written = fresh.evaluate(
        """async ([content]) => {
          const { openModel } = await import("/widgets/engine.js");
          const model = await openModel(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt())], "mine"));
          const { end, vocabSize } = model.tokenizer;
          const written = [];
          for (let first = 0; first < vocabSize; first++) {
            const ids = [];
            for await (const { id } of model.write([first], { count: 12, temperature: 0, stop: end })) ids.push(id);
            written.push(ids);
          }
          return [[model.start(""), model.start("abc")], end, written];
        }""",
        [base64.b64encode(content).decode()],
    )
    assert starts == [[first_token(tokenizer)], tokenizer.encode("abc")]
    assert end == end_token(tokenizer)
    wanted = [
        generate_tokens(model, [first], 12, temperature=0, stop_token=end_token(tokenizer))
        for first in range(tokenizer.vocab_size)
    ]
    assert written == wanted

"""The engine of the live pieces, in a real browser: the package's own numbers, tokens and choices, or a sentence."""

import gzip
import json
import random
import re
import struct
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import served
from playwright.sync_api import Browser, Page
from ties import agree_but_for_ties
from torch import Tensor, nn

from bookbuild.live import FOLDER_VARIABLE, Chance, publish_model
from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.tokenizer import CharacterTokenizer, WordTokenizer
from gptbook.exchange.export import save_for_web, tokenizer_for_web
from gptbook.generation.generate import generate_tokens
from gptbook.generation.sampling import shaped_scores
from gptbook.models.attention import AttentionModel
from gptbook.models.classifier import IrisNet
from gptbook.models.gpt import GPT, GPTConfig
from gptbook.models.modern import ModernGPT
from gptbook.models.ngram import NgramNet

pytestmark = pytest.mark.browser

WIDGETS = Path(__file__).parents[1] / "docs" / "widgets"
ENGINE_FILES = [
    *("safetensors.js", "tokenizers.js", "models.js", "sampling.js"),
    *("tasks.js", "worker.js", "load.js", "engine.js"),
]
MOST_BYTES = 19 * 1024
BLANK = """<!doctype html><meta charset=utf-8><link rel=icon href="data:,"><script type=module>
for (const name of ["engine", "tokenizers", "sampling", "safetensors", "models"])
  Object.assign(window, await import(`./widgets/${name}.js`));
window.ready = true;
</script>"""

ALPHABET = "abcdefghijklmnopqrstuvwxyz '-éß京\U0001f600"
LETTERS = CharacterTokenizer(ALPHABET)
CONTEXT = 16
SIZES = GPTConfig(
    vocab_size=LETTERS.vocab_size, context_length=CONTEXT, num_layers=3, num_heads=3, model_dim=30, mlp_dim=42
)


@pytest.fixture(scope="module", autouse=True)
def one_core() -> None:
    """These models are so small that threads would only wait for one another."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser is served: a blank page, the engine as pages get it, and the models that the tests write."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "index.html").write_text(BLANK)
    (folder / "404.html").write_text("not here")
    (folder / "widgets").mkdir()
    for name in ENGINE_FILES:
        (folder / "widgets" / name).write_bytes((WIDGETS / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(folder) as site:
        yield site.url


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    page.wait_for_function("window.ready")
    yield page
    assert complaints == []


def stirred(model: nn.Module) -> Any:
    """The model with random numbers everywhere, large enough that scores differ clearly."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    return model.eval()


def table() -> Tensor:
    torch.manual_seed(2)
    return torch.randn(LETTERS.vocab_size, LETTERS.vocab_size).softmax(dim=-1)


MODELS: dict[str, Callable[[], Any]] = {
    "gpt-2": lambda: stirred(GPT(SIZES)),
    "modern": lambda: stirred(ModernGPT(SIZES)),
    "attention": lambda: stirred(AttentionModel(LETTERS.vocab_size, 24, 3)),
    "ngram-net": lambda: stirred(NgramNet(LETTERS.vocab_size, 4, 6, 21)),
    "table": table,
}


def publish(folder: Path, name: str, model: Any, tokenizer: Any = LETTERS, half: bool = False) -> str:
    """Write the model as pages get it; returns its address from the blank page."""
    (folder / name).mkdir(exist_ok=True)
    if isinstance(model, GPT | ModernGPT):
        save_for_web(model, tokenizer, folder / name, half)
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(FOLDER_VARIABLE, str(folder / name))
            publish_model("model", model, tokenizer, half=half)
    return f"{name}/model.safetensors"


@torch.no_grad()
def expected(model: Any, prompt: list[int]) -> Tensor:
    """The package's scores after the prompt."""
    if isinstance(model, Tensor):
        return model[prompt[-1]].log()
    if isinstance(model, NgramNet):
        context = ([0] * model.context_length + prompt)[-model.context_length :]
        return model(torch.tensor([context]))[0]
    seen = prompt if isinstance(model, AttentionModel) else prompt[-CONTEXT:]
    return model(torch.tensor([seen]))[0, -1]


def prompts(count: int = 100, longest: int = CONTEXT + 6) -> list[list[int]]:
    """Random prompts; each second one goes on from the one before, so that the cache is used, and changed."""
    chance = random.Random(0)
    found: list[list[int]] = []
    for number in range(count):
        begun = found[-1][: chance.randrange(len(found[-1]) + 1)] if number % 2 else []
        wanted = max(1, chance.randrange(longest + 1))
        found.append((begun + [chance.randrange(LETTERS.vocab_size) for _ in range(wanted)])[:longest])
    return found


# ---- the models


@pytest.mark.parametrize(
    ("form", "half"),
    [*((form, False) for form in MODELS), *((form, True) for form in ("gpt-2", "modern", "ngram-net"))],
)
def test_scores_are_those_of_torch(page: Page, folder: Path, form: str, half: bool) -> None:
    model = MODELS[form]()
    url = publish(folder, f"{form}-{half}", model, half=half)
    given = prompts()
    about, scores = page.evaluate(
        """async ([url, prompts]) => {
          const model = await openModel(url);
          const scores = [];
          for (const ids of prompts) scores.push(Array.from((await model.next(ids)).logits));
          model.close();
          return [model.about, scores];
        }""",
        [url, given],
    )
    wanted = torch.stack([expected(model, prompt) for prompt in given])
    torch.testing.assert_close(torch.tensor(scores), wanted, rtol=0, atol=1e-2 if half else 1e-4)
    assert wanted.std() > 0.3
    assert about["form"] == form
    assert about["half"] is half
    assert about["bytes"] == (folder / url).stat().st_size
    numbers = model.numel() if isinstance(model, Tensor) else sum(p.numel() for p in model.parameters())
    assert about["numParameters"] == numbers


def test_scores_of_the_iris_net_are_those_of_torch(page: Page, folder: Path) -> None:
    model = stirred(IrisNet())
    url = publish(folder, "iris", model, tokenizer=None)
    flowers = 8 * torch.rand(100, 4)
    scores = page.evaluate(
        """async ([url, flowers]) => {
          const model = await openModel(url);
          return Promise.all(flowers.map(async (flower) => Array.from((await model.next(flower)).logits)));
        }""",
        [url, flowers.tolist()],
    )
    with torch.no_grad():
        torch.testing.assert_close(torch.tensor(scores), model(flowers), rtol=0, atol=1e-4)


@pytest.mark.parametrize("form", ["gpt-2", "modern"])
def test_greedy_writing_is_that_of_the_package_beyond_the_context_too(page: Page, folder: Path, form: str) -> None:
    model = MODELS[form]()
    url = publish(folder, f"greedy-{form}", model)
    given = [prompt[:CONTEXT] for prompt in prompts(6)]
    written = page.evaluate(
        """async ([url, prompts]) => {
          const model = await openModel(url);
          return Promise.all(prompts.map(async (ids) => {
            const written = [];
            for await (const token of model.write(ids, { count: 30, temperature: 0 })) written.push(token);
            return written;
          }));
        }""",
        [url, given],
    )
    for prompt, tokens in zip(given, written):
        ids = [token["id"] for token in tokens]
        assert agree_but_for_ties(model, prompt, ids, generate_tokens(model, prompt, 30, temperature=0))
        assert "".join(token["text"] for token in tokens) == LETTERS.decode(token["id"] for token in tokens)
        assert {token["probability"] for token in tokens} == {1}


@pytest.mark.parametrize("form", ["gpt-2", "modern", "attention"])
@torch.no_grad()
def test_attention_weights_are_those_of_the_package(page: Page, folder: Path, form: str) -> None:
    model = MODELS[form]()
    url = publish(folder, f"weights-{form}", model)
    layers = [model.attention] if form == "attention" else [block.attention for block in model.blocks]
    wanted: list[Tensor] = []
    for layer in layers:
        layer.register_forward_pre_hook(lambda module, inputs: wanted.append(module.weights(inputs[0])[0]))
    tokens = prompts()[3][:13]
    scores = model(torch.tensor([tokens]))[0, -1]
    seen = page.evaluate(
        """async ([url, ids]) => {
          const model = await openModel(url);
          await model.next(ids.slice(0, 5));
          const { logits, attention } = await model.next(ids, { attention: true });
          const again = (await model.next(ids)).logits;
          const looks = attention.map((heads) => heads.map((weights) => Array.from(weights)));
          return { logits: Array.from(logits), again: Array.from(again), looks };
        }""",
        [url, tokens],
    )
    torch.testing.assert_close(torch.tensor(seen["looks"]), torch.stack(wanted)[:, :, -1], rtol=0, atol=1e-5)
    for logits in (seen["logits"], seen["again"]):
        torch.testing.assert_close(torch.tensor(logits), scores, rtol=0, atol=1e-4)


@pytest.mark.parametrize("here", [False, True])
def test_drawn_tokens_follow_the_seed_the_choices_and_the_stop(page: Page, folder: Path, here: bool) -> None:
    model = MODELS["modern"]()
    url = publish(folder, "drawn", model)
    settings = {"count": 40, "temperature": 0.8, "topK": 12, "topP": 0.9, "seed": 7, "stop": 0}
    written, longest = page.evaluate(
        """async ([url, settings, here]) => {
          const model = await openModel(url, { here });
          const write = async (settings) => {
            const written = [];
            for await (const token of model.write(model.start("ab"), settings)) written.push(token);
            return written.map(({ id, probability }) => [id, probability]);
          };
          return [await write(settings), await write({ ...settings, stop: null })];
        }""",
        [url, settings, here],
    )
    chance, tokens, wanted = Chance(7), LETTERS.encode("ab"), []  # a run's text has no mark before it
    for _ in range(40):
        probabilities = shaped_scores(expected(model, tokens), 0.8, 12, 0.9).softmax(dim=-1)
        tokens.append(chance.draw(probabilities))
        wanted.append([tokens[-1], pytest.approx(probabilities[tokens[-1]].item(), abs=1e-4)])
    assert longest == wanted
    ends = [token for token, _ in longest].index(0) if 0 in [token for token, _ in longest] else 40
    assert written == longest[:ends]


def test_a_longer_attention_model_and_a_longer_text_than_there_is_room_for(page: Page, folder: Path) -> None:
    model = stirred(AttentionModel(LETTERS.vocab_size, 6, 2))
    url = publish(folder, "long", model)
    tokens = [number % LETTERS.vocab_size for number in range(1500)]
    scores = page.evaluate(
        "async ([url, ids]) => Array.from((await (await openModel(url)).next(ids)).logits)", [url, tokens]
    )
    torch.testing.assert_close(torch.tensor(scores), expected(model, tokens), rtol=0, atol=1e-4)


# ---- the tokenizers

SHAKEN = [
    "",
    " ",
    "\n",
    "To be, or not to be: that's the question. We'll, we've, I'm, it'd, THAT'S, 'tis 'twas ''s",
    "a" * 3000,
    " " * 3000 + "x",
    "\t\n \r\n\x0b\x0c\x1c\x1d\x85\xa0\u2003\u2028\u3000\ufeff x \ufeff",
    "123 ½ Ⅷ ²³ 4,5.6 १२३",
    "naïve café Straße 京都 привет שלום مرحبا हिन्दी ไทย e\u0301",
    "😀👍🏽👨‍👩‍👧‍👦🇩🇪 a😀b 😀  😀",
    "<|endoftext|>a<|endoftext|><|endoftext|>b<|endoftext",
    "\x00\x01\x7f\xad\u200b\U000e0001\uffff",
]


def random_texts() -> list[str]:
    chance = random.Random(0)
    known = [chr(code) for code in range(0x30000) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    common = list(" \n\t'abcdestvlmr.,!? 019éß京😀")
    return ["".join(chance.choices(common if number % 3 else known, k=chance.randrange(80))) for number in range(600)]


def pieces_tokenizer(end_of_text: bool) -> BytePairTokenizer:
    texts = [
        (WIDGETS.parents[1] / "README.md").read_text(),
        " aaaa aaaaaa bb  bb\n\n\n",
        SHAKEN[8] * 3,
        "😀👍🏽" * 5,
        "   \n\t" * 9,
    ]
    return BytePairTokenizer.learn(texts, 700, end_of_text=end_of_text)


@pytest.mark.parametrize("end_of_text", [True, False])
def test_pieces_are_those_of_the_package(page: Page, end_of_text: bool) -> None:
    tokenizer = pieces_tokenizer(end_of_text)
    texts = [*SHAKEN, *random_texts()]
    broken = [list(random.Random(n).choices(range(tokenizer.vocab_size), k=12)) for n in range(300)]
    ids, decoded, others, labels, sizes = page.evaluate(
        """([spec, texts, broken]) => {
          const tokenizer = makeTokenizer(spec);
          const ids = texts.map(tokenizer.encode);
          return [ids, ids.map(tokenizer.decode), broken.map(tokenizer.decode),
            Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.label(id)),
            texts.map((text) => tokenizer.pieces(text).map(({ bytes }) => bytes.length))];
        }""",
        [tokenizer_for_web(tokenizer), texts, broken],
    )
    assert ids == [tokenizer.encode(text) for text in texts]
    assert decoded == texts
    assert others == [tokenizer.decode(numbers) for numbers in broken]
    assert labels == tokenizer.labels
    assert sizes == [[len(tokenizer.tokens[number]) for number in numbers] for numbers in ids]


def test_words_are_cut_alike_wherever_another_kind_of_character_begins(page: Page) -> None:
    kinds = [unicodedata.category(chr(code)) for code in range(0x110000)]
    known = [
        chr(code)
        for code, kind in enumerate(kinds)
        if kind not in ("Cn", "Cs", "Co") and (code < 0x3100 or kind != kinds[code - 1])
    ]
    assert len(known) > 9000
    tokenizer = BytePairTokenizer([(b" ", b"a"), (b"a", b"1"), (b".", b"."), (b" ", b"1"), (b"a", b"a")])
    text = "".join(f"{sign}a{sign} 1{sign} a" for sign in known)
    ids = page.evaluate(
        "([spec, text]) => makeTokenizer(spec).encode(text).join()", [tokenizer_for_web(tokenizer), text]
    )
    assert ids == ",".join(map(str, tokenizer.encode(text)))


def test_letters_and_words_are_those_of_the_package(page: Page) -> None:
    chance = random.Random(0)
    texts = ["", *("".join(chance.choices(ALPHABET, k=chance.randrange(40))) for _ in range(100))]
    words = WordTokenizer(["my", "cat", "sat", "it's", "京", "."])
    spaced = [
        "",
        "my cat\u3000sat\x1c. ",
        *(" ".join(chance.choices(words.words, k=chance.randrange(9))) for _ in texts),
    ]
    for tokenizer, spec, given in (
        (LETTERS, tokenizer_for_web(LETTERS), texts),
        (LETTERS, {"kind": "characters", "characters": ALPHABET}, texts),
        (words, {"kind": "words", "words": words.words}, spaced),
    ):
        ids, decoded, labels, mark = page.evaluate(
            """([spec, texts]) => {
              const tokenizer = makeTokenizer(spec);
              const ids = texts.map(tokenizer.encode);
              const decoded = ids.map((each) => tokenizer.decode([0, ...each, 0]));
              const labels = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.label(id));
              return [ids, decoded, labels, tokenizer.mark];
            }""",
            [spec, given],
        )
        wanted = [tokenizer.encode(text.split() if tokenizer is words else text) for text in given]  # type: ignore[arg-type]
        assert ids == wanted
        assert decoded == [tokenizer.decode(numbers) for numbers in wanted]
        assert labels == tokenizer.labels
        assert mark == 0


def test_the_work_grows_with_the_text_and_no_faster(page: Page) -> None:
    tokenizer = pieces_tokenizer(True)
    chance = random.Random(0)
    texts = ["a" * 10_000, " " * 10_000, "".join(chance.choices("abcdefgh", k=10_000)), "ab" * 5_000, SHAKEN[3] * 100]
    counts = page.evaluate(
        """([spec, texts]) => {
          let asked = 0;
          const real = Map.prototype.get;
          Map.prototype.get = function (key) { asked++; return real.call(this, key); };
          const work = (text) => {
            const tokenizer = makeTokenizer(spec), before = asked;
            tokenizer.encode(text);
            return asked - before;
          };
          try { return texts.map((text) => [work(text), work(text + text)]); }
          finally { Map.prototype.get = real; }
        }""",
        [tokenizer_for_web(tokenizer), texts],
    )
    for once, twice in counts:
        assert 0 < twice < 2.5 * once, "twice the text is twice the work, and not four times"


def test_what_cannot_be_read_is_named(page: Page) -> None:
    found = page.evaluate(
        """() => {
          const letters = makeTokenizer({ kind: "characters", characters: "abc" });
          const words = makeTokenizer({ kind: "words", words: ["my", "cat"] });
          const pieces = makeTokenizer({ kind: "pieces", merges: [], end_of_text: false });
          const tries = [[letters, "abé"], [letters, "a b"], [letters, "a\\tb"], [letters, "a😀"],
            [letters, "a\\ud800"], [words, "my dog"], [pieces, "😀a\\udc00b"], [pieces, "\\ud83d"]];
          return tries.map(([tokenizer, text]) => {
            try { return tokenizer.encode(text); }
            catch (error) {
              return [error instanceof BadText, error.message, Array.from(error.unknown, (c) => c.codePointAt(0))];
            }
          });
        }"""
    )
    lost = "of the text is half of a character: leave it out."
    assert found == [
        [True, "The letter é is not in this model’s alphabet.", [0xE9]],
        [True, "A blank is not in this model’s alphabet.", [0x20]],
        [True, "The character \\t is not in this model’s alphabet.", [9]],
        [True, "The character 😀 is not in this model’s alphabet.", [0x1F600]],
        [True, "The character \\ud800 is not in this model’s alphabet.", [0xD800]],
        [True, "This model does not know the word “dog”.", [100, 111, 103]],
        [True, f"Character 3 {lost}", [0xDC00]],
        [True, f"Character 1 {lost}", [0xD83D]],
    ]


def test_text_comes_as_it_is_written_and_begins_as_the_package_begins(page: Page) -> None:
    tokenizer = pieces_tokenizer(True)
    words = {"kind": "words", "words": ["my", "cat", "sat"]}
    text = "né 京都 😀\ufeff!"
    ids = tokenizer.encode(text)
    written, spaced, starts = page.evaluate(
        """([spec, words, ids, text]) => {
          const follow = makeTokenizer(spec).follow(ids.slice(0, 2)), later = makeTokenizer(words).follow([0, 1]);
          const specs = [spec, { ...spec, end_of_text: false }, words, { kind: "characters", characters: "ab" },
            { kind: "characters", characters: "a\\nb" }];
          const starts = specs.map((each) => makeTokenizer(each).start(""));
          return [ids.slice(2).map(follow).join(""), [2, 3, 0].map(later).join(""), starts];
        }""",
        [tokenizer_for_web(tokenizer), words, ids, text],
    )
    assert tokenizer.decode(ids[:2]) + written == text
    assert spaced == " cat sat"
    assert starts == [[tokenizer.vocab_size - 1], tokenizer.encode("\n"), [0], [0], [2]]


# ---- the choices


def test_shaped_probabilities_are_those_of_the_package_ties_and_all(page: Page) -> None:
    generator = torch.Generator().manual_seed(0)
    cases: list[tuple[list[float], dict[str, Any]]] = []
    for number in range(400):
        logits = 3 * torch.randn(1 + number % 40, generator=generator)
        if number % 2:
            logits = logits.round()  # many are equal
        cases.append(
            (
                logits.tolist(),
                {
                    "temperature": [1, 0.7, 0, 2.5, 0.001][number % 5],
                    "topK": [None, 1, 3, 1000][number // 5 % 4],
                    "topP": [None, 0, 0.3, 0.9, 1][number // 20 % 5],
                },
            )
        )
    cases += [([0.0] * 4, {"topP": p}) for p in (0.25, 0.5, 0.75)]
    found = page.evaluate("(cases) => cases.map(([logits, choice]) => Array.from(shape(logits, choice)))", cases)
    for (scores, choice), probabilities in zip(cases, found):
        given = (choice.get("temperature", 1.0), choice.get("topK"), choice.get("topP"))
        wanted = shaped_scores(torch.tensor(scores, dtype=torch.float64), *given).softmax(dim=-1)
        torch.testing.assert_close(torch.tensor(probabilities, dtype=torch.float64), wanted, rtol=0, atol=1e-12)


def test_chance_is_the_same_in_both_languages(page: Page) -> None:
    seeds = [0, 1, 7, 2**31, 2**32 - 1, 2**40 + 5]
    shares = torch.tensor([0.1, 0.0, 0.4, 0.3, 0.2], dtype=torch.float64)
    numbers, places = page.evaluate(
        """([seeds, shares]) => {
          const rows = seeds.map((seed) => Array.from({ length: 200 }, makeRandom(seed)));
          return [rows, rows.map((row) => row.map((number) => draw(shares, number)))];
        }""",
        [seeds, shares.tolist()],
    )
    for seed, row, drawn in zip(seeds, numbers, places):
        chance, other = Chance(seed), Chance(seed)
        assert row == [chance.random() for _ in range(200)]
        assert drawn == [other.draw(shares) for _ in range(200)]
        assert 1 not in drawn


# ---- what may go wrong


def file_of(header: Any, numbers: bytes, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + numbers


def good_file(**changes: Any) -> tuple[dict[str, Any], bytes]:
    """The header and the numbers of a table over two letters."""
    about = {
        "format": "gptbook web 1",
        "form": "table",
        "config": '{"vocab_size": 3}',
        "tokenizer": '{"kind": "characters", "characters": "ab"}',
    }
    about |= changes
    tensor = {"dtype": "F32", "shape": [3, 3], "data_offsets": [0, 36]}
    return {"__metadata__": about, "probabilities": tensor}, np.full((3, 3), 1 / 3, dtype="<f4").tobytes()


def broken_files(folder: Path) -> dict[str, bytes]:
    header, numbers = good_file()
    tensor = header["probabilities"]
    whole = (folder / publish(folder, "whole", MODELS["gpt-2"]())).read_bytes()

    def tensors(**changes: Any) -> bytes:
        return file_of(header | {"probabilities": tensor | changes}, numbers)

    def with_config(**changes: Any) -> bytes:
        length = struct.unpack("<Q", whole[:8])[0]
        content = json.loads(whole[8 : 8 + length])
        config = json.loads(content["__metadata__"]["config"]) | changes
        content["__metadata__"]["config"] = json.dumps(config)
        return file_of(content, whole[8 + length :])

    def about(**changes: Any) -> bytes:
        return file_of(*good_file(**changes))

    return {
        "empty": b"",
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
        "a text": b"To be, or not to be\n" * 40,
        "cut in the numbers": whole[:-1000],
        "cut in the header": whole[:100],
        "longer than it says": file_of(header, numbers + b"\0" * 4),
        "huge header": file_of(header, numbers, 2**63),
        "header beyond the end": file_of(header, numbers, 10**6),
        "no JSON": file_of(b"{" * 100, numbers),
        "deep JSON": file_of(b"[" * 200_000 + b"]" * 200_000, numbers),
        "a list": file_of([1, 2], numbers),
        "null": file_of(None, numbers),
        "tensor is null": file_of(header | {"probabilities": None}, numbers),
        "no dtype": tensors(dtype=None),
        "a dtype of the prototype": tensors(dtype="constructor"),
        "another dtype": tensors(dtype="BF16", data_offsets=[0, 18]),
        "no shape": tensors(shape="3,3"),
        "negative shape": tensors(shape=[-3, -3]),
        "broken shape": tensors(shape=[1.5, 6]),
        "huge shape": tensors(shape=[2**40, 2**40]),
        "shape with nothing": tensors(shape=[0], data_offsets=[0, 0]),
        "wrong shape": tensors(shape=[9]),
        "offsets backwards": tensors(data_offsets=[36, 0]),
        "offsets negative": tensors(data_offsets=[-36, 0]),
        "offsets beyond the end": tensors(data_offsets=[36, 72]),
        "offsets are words": tensors(data_offsets=["0", "36"]),
        "no offsets": tensors(data_offsets=None),
        "overlap": file_of(header | {"other": tensor}, numbers),
        "overlap in part": file_of(header | {"other": tensor | {"data_offsets": [18, 54]}}, numbers + bytes(18)),
        "NaN": file_of(header, np.full((3, 3), np.nan, dtype="<f4").tobytes()),
        "infinity": file_of(header, np.full((3, 3), np.inf, dtype="<f4").tobytes()),
        "infinity in float16": file_of(
            header | {"probabilities": tensor | {"dtype": "F16", "data_offsets": [0, 18]}},
            np.full((3, 3), np.inf, dtype="<f2").tobytes(),
        ),
        "no probabilities": file_of(header, np.full((3, 3), -1, dtype="<f4").tobytes()),
        "no metadata": file_of({"probabilities": tensor}, numbers),
        "metadata of numbers": about(form=3),
        "of PyTorch's own": b"PK\x03\x04" + bytes(1000),
        "another format": about(format="gptbook web 2"),
        "unknown form": about(form="lstm"),
        "a form of the prototype": about(form="__proto__"),
        "another form of the prototype": about(form="constructor"),
        "no config": about(config="null"),
        "config is no JSON": about(config="{"),
        "config without the size": about(config="{}"),
        "a size that is a word": about(config='{"vocab_size": "3"}'),
        "a size that is huge": about(config='{"vocab_size": 1e300}'),
        "an unknown tokenizer": about(tokenizer='{"kind": "toString"}'),
        "a tokenizer without letters": about(tokenizer='{"kind": "characters"}'),
        "a tokenizer with other letters": about(tokenizer='{"kind": "characters", "characters": "abc"}'),
        "a letter twice": about(tokenizer='{"kind": "characters", "characters": "aa"}'),
        "letters of another kind": about(tokenizer='{"kind": "characters", "characters": [1, {}]}'),
        "a list that says it is long": about(tokenizer='{"kind": "characters", "characters": {"length": 1000000000}}'),
        "words that say they are many": about(tokenizer='{"kind": "words", "words": {"length": 1000000000}}'),
        "words of another kind": about(tokenizer='{"kind": "words", "words": [1, ""]}'),
        "merges of another kind": about(tokenizer='{"kind": "pieces", "merges": [[1], null]}'),
        "a merge of what is not there": about(tokenizer='{"kind": "pieces", "merges": [["ab", "c"]]}'),
        "a tensor called __proto__": file_of(
            json.dumps(header)[:-1].encode() + b', "__proto__": ' + json.dumps(tensor).encode() + b"}", numbers
        ),
        "a whole tensor called __proto__": file_of(
            json.dumps(header)[:-1].encode()
            + b', "__proto__": {"dtype": "F32", "shape": [1], "data_offsets": [36, 40]}}',
            numbers + bytes(4),
        ),
        "one layer too many": with_config(num_layers=4),
        "one layer too few": with_config(num_layers=2),
        "a million layers": with_config(num_layers=10**6),
        "another width": with_config(model_dim=60),
        "heads that do not fit": with_config(num_heads=7),
        "another context": with_config(context_length=17),
        "a context of nothing": with_config(context_length=0),
    }


def test_a_file_that_is_no_model_gets_a_sentence_and_nothing_else(page: Page, folder: Path) -> None:
    files = broken_files(folder)
    (folder / "broken").mkdir()
    for number, content in enumerate(files.values()):
        (folder / "broken" / str(number)).write_bytes(content)
    said = page.evaluate(
        """async (count) => {
          const said = [];
          for (let number = 0; number < count; number++) {
            const buffer = await (await fetch(`broken/${number}`)).arrayBuffer();
            const source = number % 2 ? buffer : new File([buffer], "mine.safetensors");
            said.push(await openModel(source).then(() => "opened", (error) => error.message));
          }
          return said;
        }""",
        len(files),
    )
    sentence = (
        r"This file is not a model of the book: [^.]*(\.[a-z_0-9]+[^.]*)*\. "
        r"Write one with “gptbook export RUN --to web”\."
    )
    for name, text in zip(files, said):
        assert re.fullmatch(sentence, text), f"{name}: {text}"
        assert not re.search(r"undefined|null|object|NaN|TypeError|\n", text), f"{name}: {text}"
    clean = page.evaluate("[Object.keys(Object.prototype), ({}).shape, ({}).data]")
    assert clean == [[], None, None]


def test_a_good_file_opens_after_all_that(page: Page, folder: Path) -> None:
    (folder / "good").write_bytes(file_of(*good_file()))
    odd = json.dumps(good_file()[0], indent=1).encode() + b" "  # a length that is no multiple of four
    (folder / "odd").write_bytes(file_of(odd + b" " * (len(odd) % 2 == 0), good_file()[1]))
    scores = page.evaluate(
        "Promise.all(['good', 'odd'].map(async (url) => Array.from((await (await openModel(url)).next([1])).logits)))"
    )
    assert scores == [pytest.approx([np.log(1 / 3)] * 3)] * 2


def test_float16_is_read_exactly(page: Page, folder: Path) -> None:
    bits = np.arange(65536, dtype="<u2")
    halves = bits.view("<f2")[np.isfinite(bits.view("<f2"))]
    header = {"halves": {"dtype": "F16", "shape": [len(halves)], "data_offsets": [0, 2 * len(halves)]}}
    (folder / "halves").write_bytes(file_of(header, halves.tobytes()))
    found = page.evaluate(
        """async () => {
          const { tensors } = readSafetensors(await (await fetch("halves")).arrayBuffer());
          return Array.from(new Uint32Array(tensors.halves.data.buffer));
        }"""
    )
    assert found == halves.astype("<f4").view("<u4").tolist()


def test_a_model_too_large_for_a_page_is_refused_before_its_numbers_are_copied(page: Page) -> None:
    said = page.evaluate(
        """() => {
          const shape = [6000, 6000], end = 2 * 6000 ** 2;
          const header = JSON.stringify({ probabilities: { dtype: "F16", shape, data_offsets: [0, end] } });
          const buffer = new ArrayBuffer(8 + header.length + end);
          new DataView(buffer).setBigUint64(0, BigInt(header.length), true);
          new Uint8Array(buffer).set(new TextEncoder().encode(header), 8);
          buffer.slice = () => { throw new Error("copied"); };
          try { readSafetensors(buffer); } catch (error) { return error.message; }
        }"""
    )
    assert said == "This model is too large for a page: more than 30 million parameters."


@pytest.mark.parametrize("here", [False, True])
def test_what_a_model_cannot_do_is_a_sentence_and_the_model_goes_on(page: Page, folder: Path, here: bool) -> None:
    url = publish(folder, "careful", MODELS["gpt-2"]())
    said, after = page.evaluate(
        """async ([url, here]) => {
          const open = (url) => openModel(url, { here });
          const model = await open(url), other = await open(url), third = await open(url), said = [];
          const first = async (writing) => { for await (const token of writing) return token; };
          const tries = [
            () => open("not/here.safetensors"),
            () => model.next([]),
            () => model.next([1, 99]),
            () => model.next([0.5]),
            () => first(model.write([1], { temperature: -1 })),
            () => first(model.write([1], { topK: 0 })),
            () => first(model.write([1], { topP: 2 })),
            () => first(model.write([])),
            async () => { for await (const token of third.write([1], { count: 1e9 })) await third.close(); },
            async () => { await other.close(); return other.next([1]); },
          ];
          for (const each of tries) said.push(await each().then((value) => `fine: ${value}`, (error) => error.message));
          return [said, (await model.next([1, 2])).logits.length];
        }""",
        [url, here],
    )
    assert said == [
        "The model is not where it should be (404): load the page again.",
        "There is no token to go on from: give at least one.",
        "This model does not know 99.",
        "This model does not know 0.5.",
        "The temperature is -1: give 0 or more.",
        "Top-k is 0: keep 1 token or more.",
        "Top-p is 2: give a probability, 0 to 1.",
        "There is no token to go on from: give at least one.",
        "This model was closed.",
        "This model was closed.",
    ]
    assert after == LETTERS.vocab_size


@pytest.mark.parametrize(("here", "script"), [(False, "worker"), (True, "tasks")])
def test_without_a_network_it_says_so_and_works_again_with_one(
    browser: Browser, address: str, folder: Path, here: bool, script: str
) -> None:
    url = publish(folder, "offline", MODELS["table"]())
    page = browser.new_context().new_page()
    page.goto(address)
    page.wait_for_function("window.ready")
    page.context.set_offline(True)
    ask = "([url, here]) => openModel(url, { here }).catch((error) => error.message)"
    said = page.evaluate(ask, [url, here])
    assert said == "The model did not come: you seem to be offline. Try again when you are online."
    page.context.set_offline(False)
    # The script that computes is what is missing now.
    page.route(f"**/{script}.js", lambda route: route.abort())
    said = page.evaluate(ask, [url, here])
    assert said == "The part of this page that computes did not load: go online and load the page again."
    page.unroute(f"**/{script}.js")
    form = page.evaluate("async ([url, here]) => (await openModel(url, { here })).about.form", [url, here])
    assert form == "table"
    page.context.close()


def test_a_stop_in_the_middle_of_writing_stops_the_work(browser: Browser, address: str, folder: Path) -> None:
    url = publish(folder, "stopped", MODELS["modern"]())
    page = browser.new_page()
    page.add_init_script(
        """window.sent = 0;
        const post = Worker.prototype.postMessage;
        Worker.prototype.postMessage = function (...message) { window.sent++; post.apply(this, message); };"""
    )
    page.goto(address)
    page.wait_for_function("window.ready")
    seen, before, later = page.evaluate(
        """async (url) => {
          const model = await openModel(url);
          let seen = 0;
          for await (const token of model.write([1], { count: 1e9, seed: 1 })) if (++seen === 50) break;
          const before = window.sent;
          // The worker answers in turn: with these it has answered all before, and the page has seen it.
          for (let turn = 0; turn < 3; turn++) await model.next([1]);
          return [seen, before, window.sent];
        }""",
        url,
    )
    assert seen == 50
    assert later == before + 3  # the calls of next: the worker is asked for nothing else, and works only when asked
    page.close()


def test_many_tokens_come_in_few_messages(browser: Browser, address: str, folder: Path) -> None:
    url = publish(folder, "groups", MODELS["table"]())
    page = browser.new_page()
    page.add_init_script(
        """window.answers = 0;
        window.Worker = class extends Worker {
          constructor(...given) { super(...given); this.addEventListener("message", () => window.answers++); }
        };"""
    )
    page.goto(address)
    page.wait_for_function("window.ready")
    tokens, answers, milliseconds = page.evaluate(
        """async (url) => {
          const model = await openModel(url), began = performance.now();
          let tokens = 0;
          for await (const token of model.write([1], { count: 5000, seed: 1 })) tokens++;
          return [tokens, window.answers, performance.now() - began];
        }""",
        url,
    )
    assert tokens == 5_000
    assert answers <= 3 + milliseconds / 8  # opened; the last group, which may be short; and a stop, if it was heard
    page.close()


def test_the_engine_is_small_and_its_worker_knows_no_window() -> None:
    sizes = {name: len(gzip.compress((WIDGETS / name).read_bytes(), 9)) for name in ENGINE_FILES}
    assert sum(sizes.values()) <= MOST_BYTES, sizes
    for name in ENGINE_FILES:
        text = (WIDGETS / name).read_text()
        assert not re.search(r"\b(window|document|eval|innerHTML)\b[.(]", text), name
        assert max(map(len, text.splitlines())) <= 120, name

"""A GPT-2 for llama.cpp: read back tensor by tensor, and, where llama.cpp is, the same text from it."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from gguf import GGUFReader, TokenType
from tiny_models import CHARACTERS, PIECES, TEXT, stirred

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.chat_template import CHAT_TEMPLATE, Message, conversation_text, conversation_tokens
from gptbook.data.merging import WORD_PATTERN, in_symbols
from gptbook.data.tokenizer_files import end_token
from gptbook.exchange.export_folder import export_folder
from gptbook.exchange.gguf_file import GGUF_FILE, save_gguf
from gptbook.exchange.pretrained import foreign_name
from gptbook.generation.generate import generate_tokens
from gptbook.models.gpt import GPT

WITHOUT_END = BytePairTokenizer.learn([TEXT], 280)
both_ends = pytest.mark.parametrize("tokenizer", [PIECES, WITHOUT_END], ids=["with an end", "without"])
# Of llama.cpp's GPT2Model: what transformers calls a tensor, and what llama.cpp does.
THEIR_NAMES = {
    "wte": "token_embd",
    "wpe": "position_embd",
    "ln_f": "output_norm",
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}


def small_gguf(folder: Path, tokenizer: BytePairTokenizer = PIECES, **more: Any) -> tuple[GPT, GGUFReader]:
    """A small model, and its file, opened."""
    model = stirred("gpt-2", tokenizer.vocab_size)
    assert isinstance(model, GPT)
    return model, GGUFReader(save_gguf(model, tokenizer, folder, name="small", **more))


def fields(file: GGUFReader) -> dict[str, Any]:
    return {name: field.contents() for name, field in file.fields.items()}


@pytest.mark.parametrize("half", [True, False])
def test_every_tensor_is_in_the_file_under_llama_cpps_name(half: bool, tmp_path: Path) -> None:
    model, file = small_gguf(tmp_path, half=half)
    found = {tensor.name: tensor for tensor in file.tensors}
    assert len(found) == len(model.state_dict())
    for ours, tensor in model.state_dict().items():
        module, kind = foreign_name(ours).rsplit(".", 1)
        if module.startswith("h."):
            _, number, part = module.split(".", 2)
            theirs = f"blk.{number}.{THEIR_NAMES[part]}.{kind}"
        else:
            theirs = f"{THEIR_NAMES[module]}.{kind}"
        is_short = half and tensor.ndim == 2 and ours != "position_embedding.weight"
        assert found[theirs].tensor_type.name == ("F16" if is_short else "F32"), theirs
        read = torch.from_numpy(found[theirs].data.copy())
        assert torch.equal(read, tensor.half() if is_short else tensor), theirs


def test_the_sizes_are_those_of_the_model(tmp_path: Path) -> None:
    model, file = small_gguf(tmp_path)
    said, config = fields(file), model.config
    assert said["general.architecture"] == "gpt2"
    assert said["gpt2.context_length"] == config.context_length
    assert said["gpt2.embedding_length"] == config.model_dim
    assert said["gpt2.block_count"] == config.num_layers
    assert said["gpt2.feed_forward_length"] == config.mlp_dim
    assert said["gpt2.attention.head_count"] == config.num_heads
    assert said["gpt2.attention.layer_norm_epsilon"] == pytest.approx(model.final_norm.eps)
    assert "tokenizer.chat_template" not in said


@both_ends
def test_tokens_merges_and_the_end_are_those_of_the_tokenizer(tokenizer: BytePairTokenizer, tmp_path: Path) -> None:
    _, file = small_gguf(tmp_path, tokenizer)
    said, end = fields(file), end_token(tokenizer)
    assert {token: number for number, token in enumerate(said["tokenizer.ggml.tokens"])} == tokenizer.vocabulary
    assert said["tokenizer.ggml.merges"] == [" ".join(map(in_symbols, pair)) for pair in tokenizer.merges]
    types = said["tokenizer.ggml.token_type"]
    assert [number for number, kind in enumerate(types) if kind == TokenType.CONTROL] == ([] if end is None else [end])
    stop = said["tokenizer.ggml.eos_token_id"]
    assert stop == said["tokenizer.ggml.bos_token_id"]
    assert not said["tokenizer.ggml.add_bos_token"]
    if end is None:
        with pytest.raises(UnicodeDecodeError):
            tokenizer.tokens[stop].decode()
    else:
        assert stop == end


def test_a_text_is_cut_by_the_pattern_that_llama_cpp_has_under_this_name(tmp_path: Path) -> None:
    _, file = small_gguf(tmp_path)
    assert fields(file)["tokenizer.ggml.model"] == "gpt2"
    assert fields(file)["tokenizer.ggml.pre"] == "gpt-2"
    # As llama.cpp's unicode.cpp states what it does for "gpt-2", letter for letter.
    assert WORD_PATTERN == r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def test_an_assistants_template_is_in_the_file(tmp_path: Path) -> None:
    _, file = small_gguf(tmp_path, chat_template=CHAT_TEMPLATE)
    assert fields(file)["tokenizer.chat_template"] == CHAT_TEMPLATE


@pytest.mark.parametrize(
    ("form", "tokenizer", "sentence"),
    [
        ("modern", PIECES, r"^llama\.cpp has no model like the modern.*--to huggingface or --to web$"),
        ("gpt-2", CHARACTERS, r"^llama\.cpp splits text into byte pairs, .* and train with that$"),
    ],
)
def test_what_llama_cpp_does_not_know_is_refused_in_one_sentence(
    form: str, tokenizer: Any, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=sentence):
        save_gguf(stirred(form, tokenizer.vocab_size), tokenizer, tmp_path / "new", name="small")
    assert not (tmp_path / "new").exists()


def test_a_number_that_no_file_holds_leaves_none(tmp_path: Path) -> None:
    for number, sentence in ((70_000.0, "give --precision float32"), (float("nan"), "holds NaN or infinity")):
        model = stirred("gpt-2", PIECES.vocab_size)
        with torch.no_grad():
            model.blocks[0].mlp.hidden.weight[0, 0] = number
        with pytest.raises(ValueError, match=sentence):
            save_gguf(model, PIECES, tmp_path / "new", name="small")
        assert not (tmp_path / "new").exists()


def test_without_the_library_one_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ValueError, match=r"^--to gguf needs .*: python -m pip install gguf$"):
        save_gguf(stirred("gpt-2", PIECES.vocab_size), PIECES, tmp_path / "new", name="small")


def test_a_file_that_cannot_be_finished_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_gguf(tmp_path)
    before = (tmp_path / GGUF_FILE).read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gguf.GGUFWriter.write_tensors_to_file", full)
    with pytest.raises(OSError, match="No space left"):
        small_gguf(tmp_path, half=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {GGUF_FILE: before}


def test_an_export_folder_knows_the_file_as_its_own(tmp_path: Path) -> None:
    for _ in range(2):
        with export_folder(tmp_path / "out", "gguf"):
            small_gguf(tmp_path / "out")


def opened_by_llama_cpp(path: Path, **more: Any) -> Any:
    """The file in llama.cpp, in exact numbers; skipped where it is not installed."""
    reason = "llama-cpp-python is not here: it is compiled for ten minutes where it is installed"
    llama = pytest.importorskip("llama_cpp", reason=reason)
    return llama.Llama(str(path), n_ctx=16, n_threads=1, verbose=False, logits_all=True, **more)


def test_llama_cpp_renders_a_conversation_as_we_do(tmp_path: Path) -> None:
    small_gguf(tmp_path, half=False, chat_template=CHAT_TEMPLATE)
    other = opened_by_llama_cpp(tmp_path / GGUF_FILE)
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    said = [("system", "Be brief."), ("user", "To be?"), ("assistant", "Or not."), ("user", "That is…")]
    template, mark = other.metadata["tokenizer.chat_template"], "<|endoftext|>"
    render = Jinja2ChatFormatter(template=template, eos_token=mark, bos_token=mark)
    theirs = render(messages=[{"role": role, "content": content} for role, content in said]).prompt
    messages = [Message(role=role, content=content) for role, content in said]
    assert theirs == conversation_text(messages, mark, asks=True)
    row, _ = conversation_tokens(messages, PIECES, asks=True)
    assert other.tokenize(theirs.encode(), add_bos=False, special=True) == row


@both_ends
def test_llama_cpp_splits_a_text_as_we_do_and_writes_the_same(tokenizer: BytePairTokenizer, tmp_path: Path) -> None:
    model, _ = small_gguf(tmp_path, tokenizer, half=False)
    other = opened_by_llama_cpp(tmp_path / GGUF_FILE)
    for text in (TEXT, "", " ", "\n\n\n", "it's  12 o'clock\t!?"):
        assert other.tokenize(text.encode(), add_bos=False, special=True) == tokenizer.encode(text)
    tokens = tokenizer.encode("to be")
    ours = generate_tokens(model, tokens, 16 - len(tokens), temperature=0)
    theirs = []
    for token in other.generate(tokens, temp=0.0, repeat_penalty=1.0):
        theirs.append(token)
        if len(theirs) == len(ours):
            break
    assert theirs == ours
    assert len(set(ours)) > 2, "it writes more than one token again and again"

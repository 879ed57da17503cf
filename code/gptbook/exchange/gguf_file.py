"""GGUF, the one file that llama.cpp and the programs around it open: GPT-2's form."""

from contextlib import closing
from pathlib import Path
from typing import Any

from gptbook.data.bpe import BytePairTokenizer
from gptbook.data.merging import in_symbols
from gptbook.data.tokenizer_files import TextTokenizer, end_token
from gptbook.exchange.weight_files import in_precision
from gptbook.files.whole_files import written_whole
from gptbook.models.gpt import GPT
from gptbook.models.modern import ModernGPT

GGUF_FILE = "model.gguf"
GGUF_NAMES = {  # here: there; a block's have "blk.", its number and a dot in front
    "token_embedding": "token_embd",
    "position_embedding": "position_embd",
    "final_norm": "output_norm",
    "attention_norm": "attn_norm",
    "attention.query_key_value": "attn_qkv",
    "attention.output": "attn_output",
    "mlp_norm": "ffn_norm",
    "mlp.hidden": "ffn_up",
    "mlp.output": "ffn_down",
}
SPLITTER = "gpt-2"  # llama.cpp's word for GPT-2's pattern, which is `WORD_PATTERN`
NO_TEXT = b"\xff"  # no UTF-8 has this byte


def save_gguf(
    model: GPT | ModernGPT,
    tokenizer: TextTokenizer,
    folder: Path,
    *,
    name: str,
    half: bool = True,
    chat_template: str | None = None,
) -> Path:
    """Write one file that llama.cpp opens: weights, sizes, tokenizer, chat template.

    half stores each table in two bytes in place of four (float16): half the file, and
    scores that differ in the third decimal. Vectors and positions stay float32, as in
    llama.cpp's own files. Returns the path.
    Raises ValueError if the model or the tokenizer is none that llama.cpp knows, a
    weight is not finite, or too large for float16, or the package gguf is not here.
    Source: llama.cpp's convert_hf_to_gguf.py, class GPT2Model.
    """
    if not isinstance(model, GPT):
        raise ValueError(
            "llama.cpp has no model like the modern or the speedrun form: GGUF is for "
            "the form gpt-2; export this one --to huggingface or --to web"
        )
    if not isinstance(tokenizer, BytePairTokenizer):
        raise ValueError(
            "llama.cpp splits text into byte pairs, and this run reads single letters: "
            "prepare the text with --tokenizer byte-pairs or gpt2 and train with that"
        )
    try:
        from gguf import GGUFWriter, LlamaFileType
    except ImportError:
        raise ValueError(
            "--to gguf needs a library that is not here: python -m pip install gguf"
        ) from None
    tensors = {}
    for ours, tensor in model.state_dict().items():
        is_table = tensor.ndim > 1 and ours != "position_embedding.weight"
        tensors[gguf_name(ours)] = in_precision(ours, tensor, half and is_table).numpy()
    folder.mkdir(parents=True, exist_ok=True)
    with (
        written_whole(folder / GGUF_FILE) as growing,
        closing(GGUFWriter(growing, "gpt2")) as file,
    ):
        config = model.config
        file.add_name(name)
        file.add_file_type(LlamaFileType.MOSTLY_F16 if half else LlamaFileType.ALL_F32)
        file.add_context_length(config.context_length)
        file.add_embedding_length(config.model_dim)
        file.add_block_count(config.num_layers)
        file.add_feed_forward_length(config.mlp_dim)
        file.add_head_count(config.num_heads)
        file.add_layer_norm_eps(1e-5)
        add_tokenizer(file, tokenizer)
        if chat_template is not None:
            file.add_chat_template(chat_template)
        for theirs, numbers in tensors.items():
            file.add_tensor(theirs, numbers)
        file.write_header_to_file()
        file.write_kv_data_to_file()
        file.write_tensors_to_file()
    return folder / GGUF_FILE


def add_tokenizer(file: Any, tokenizer: BytePairTokenizer) -> None:
    """Write tokens and merges into a GGUF file.

    llama.cpp stops at token 11, a comma, where a file names no end. A tokenizer without
    one gets a byte for it that is in no text, and so in nothing that a model writes.
    """
    from gguf import TokenType

    end = end_token(tokenizer)
    tokens = [in_symbols(token) for token in tokenizer.tokens]
    types = [TokenType.NORMAL] * len(tokens)
    if end is None:
        end = tokenizer.ids[NO_TEXT]
    else:
        types[end] = TokenType.CONTROL
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre(SPLITTER)
    file.add_token_list(tokens)
    file.add_token_types(types)
    merges = [" ".join(map(in_symbols, pair)) for pair in tokenizer.merges]
    file.add_token_merges(merges)
    file.add_bos_token_id(end)
    file.add_eos_token_id(end)
    file.add_add_bos_token(False)


def gguf_name(name: str) -> str:
    """What llama.cpp calls a tensor of ours.

    >>> gguf_name("blocks.3.mlp.hidden.weight")
    'blk.3.ffn_up.weight'
    """
    module, kind = name.rsplit(".", 1)
    if not module.startswith("blocks."):
        return f"{GGUF_NAMES[module]}.{kind}"
    _, number, part = module.split(".", 2)
    return f"blk.{number}.{GGUF_NAMES[part]}.{kind}"

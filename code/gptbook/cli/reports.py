"""What the commands say and write about a run: estimate, receipt, export, evaluate."""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gptbook.cli.forms import check_form
from gptbook.cli.from_model import model_named
from gptbook.cli.own_data import readers_texts
from gptbook.cli.size_options import with_sizes
from gptbook.cli.train import wants_own_names
from gptbook.cli.weights import open_weights
from gptbook.cli.write import refuse_tokenizer
from gptbook.data.chat_template import CHAT_TEMPLATE
from gptbook.data.chosen_text import corpus_for
from gptbook.data.corpus import Corpus, write_corpus
from gptbook.data.tables import read_names
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.exchange.export import save_for_huggingface, save_for_web
from gptbook.exchange.export_folder import check_export_folder, export_folder
from gptbook.exchange.gguf_file import save_gguf
from gptbook.experiments.budget import job_of
from gptbook.files.lock import locked
from gptbook.files.shell import shell_words
from gptbook.machine.cost import estimate, estimate_here, find_gpu, gpu_called
from gptbook.machine.device import check_device, this_machine
from gptbook.machine.ledger import read_sessions
from gptbook.machine.receipt import receipt_lines
from gptbook.models.gpt import GPTConfig
from gptbook.models.sizes import flops_per_token, forward_flops, size_lines
from gptbook.tasks.assistant_recipes import AssistantRecipe, tokens_each_step
from gptbook.tasks.base_model import open_base
from gptbook.tasks.continued_recipes import (
    LoRATextRecipe,
    origin,
    with_whole_context,
)
from gptbook.tasks.going_on import continued_text_recipe, gentler
from gptbook.tasks.model_card import CARD_FILE, write_model_card
from gptbook.tasks.names import gpt_config
from gptbook.tasks.open_run import (
    check_text_run,
    open_run,
    run_of,
    surprise_at_names,
    text_model_in,
    text_task,
)
from gptbook.tasks.recipe_costs import usual_vocab_size
from gptbook.tasks.recipe_words import recipe
from gptbook.tasks.recipes import NamesRecipe, TextRecipe
from gptbook.training.curve import lowest
from gptbook.training.engine import Run
from gptbook.training.rehearsal import rehearse

LARGE_STEP = 2**16  # tokens


def estimate_command(options: argparse.Namespace) -> None:
    """Print what a training will take, before it begins.

    Raises ValueError for a recipe that learns from no text, or an unknown GPU.
    """
    chosen = recipe(options.recipe)
    if not isinstance(chosen, TextRecipe):
        raise ValueError(
            f"{chosen.name} takes a minute or two on any machine: "
            "an estimate is for laptop and the recipes of gpt2-124m"
        )
    if isinstance(chosen, AssistantRecipe):
        raise ValueError(
            "how long an assistant takes follows from its conversations: gptbook train "
            "assistant says it before it begins"
        )
    check_form(options, "estimate", "here" if options.gpu is None else "gpu")
    gpu = None if options.gpu is None else find_gpu(options.gpu)
    base = open_base(named, chosen) if (named := model_named(options)) else None
    wanted = gentler(chosen) if base else chosen
    if options.steps is not None:
        wanted = replace(wanted, num_steps=options.steps)
    chosen = with_sizes(options, wanted)
    assert isinstance(chosen, TextRecipe)
    if base:
        chosen = continued_text_recipe(chosen, base, windows=options.context_length)
    if options.device:
        check_device(options.device)
    given = base.tokenizer if base else None
    vocab_size = given.vocab_size if given else usual_vocab_size(chosen)
    texts = readers_texts(options)
    corpus = corpus_for(texts, given) if texts else None
    job = job_of(chosen, corpus.vocab_size if corpus else vocab_size)
    print(f"{chosen.name}: {chosen.num_steps:,} steps")
    if gpu is not None:
        lines = estimate(job, gpu, options.gpus or 1, price=options.price).lines()
    else:
        machine = this_machine(options.device or "", options.precision or "")
        with tempfile.TemporaryDirectory() as folder:
            text = corpus or noise(Path(folder), vocab_size, chosen)
            # A processor is as fast with one window of a large step as with many.
            is_large = machine.kind == "cpu" and chosen.batch_tokens > LARGE_STEP
            run = Run(text_task(chosen, text), machine, rows_at_once=int(is_large))
            step, measurement = rehearse(run)
            lines = estimate_here(
                job,
                step + measurement / chosen.evaluate_every,
                device=machine.name,
                precision=machine.precision,
                num_bytes=machine.memory_bytes,
                price=options.price,
            ).lines()
    for line in lines:
        print(f"  {line}")


def noise(folder: Path, vocab_size: int, chosen: TextRecipe) -> Corpus:
    """A text of random tokens, to time a model on before there is a text."""
    draw = np.random.default_rng(0)
    length = max(20, chosen.num_windows) * chosen.context_length + 1
    tokens = draw.integers(1, vocab_size, length).astype(np.uint16)
    alphabet = [chr(0x10000 + number) for number in range(vocab_size - 1)]
    facts = {"name": "noise", "bytes_per_token": 1.0}
    letters = CharacterTokenizer(alphabet)
    return write_corpus(folder, letters, [tokens], [tokens], facts)


def receipt_command(options: argparse.Namespace) -> None:
    """Print what a run took, and where its time went.

    Raises ValueError if the folder holds no run on a text, or the GPU is unknown.
    """
    saved = open_run(options.run_dir)
    used, facts = saved.recipe, saved.facts
    if not isinstance(used, TextRecipe):
        raise ValueError(
            f"{options.run_dir} holds a run of {used.name}: "
            "receipts are for runs on a text"
        )
    vocab_size = facts["data"]["vocab_size"]
    config = gpt_config(used, vocab_size)
    num_tokens = facts["step"] * tokens_each_step(used, facts["data"])
    measured = facts["evaluations"]
    best = lowest(measured)
    print(f"{used.name} after {facts['step']:,} of {used.num_steps:,} steps")
    model_config = gpt_config(with_whole_context(used), vocab_size)
    for line in (*size_lines(model_config, used.form), *origin(used)):
        print(f"             {line}")
    for line in receipt_lines(
        read_sessions(options.run_dir),
        num_steps=facts["step"],
        num_tokens=num_tokens,
        flops=num_tokens * flops_of(used, config),
        loss=measured[-1]["held_out_loss"] if measured else None,
        best=(
            (int(best["step"]), best["held_out_loss"])
            if measured and best != measured[-1]
            else None
        ),
        gpu=(
            find_gpu(options.gpu)
            if options.gpu
            else gpu_called(facts["machine"]["name"])
        ),
        num_devices=facts["machine"]["processes"],
        price=options.price,
    ):
        print(f"  {line}")


def flops_of(used: TextRecipe, config: GPTConfig) -> int:
    """The operations for one token. Frozen matrices have no slopes of their own."""
    if isinstance(used, LoRATextRecipe):
        return 2 * forward_flops(config)  # adapters themselves take a hundredth of it
    return flops_per_token(config)


def export_command(options: argparse.Namespace) -> None:
    """Write a run's model for elsewhere, and say how to open it there."""
    check_form(options, "export", options.to)
    folder = options.out or options.run_dir / options.to
    check_export_folder(folder, options.to)
    saved = open_weights(options)
    check_text_run(saved)
    model, tokenizer = text_model_in(saved)
    is_assistant = isinstance(saved.recipe, AssistantRecipe)
    template, path = CHAT_TEMPLATE if is_assistant else None, folder
    half = options.precision != "float32"
    with locked(folder, "--out"), export_folder(folder, options.to):
        if options.to == "web":
            path = save_for_web(model, tokenizer, folder, half, is_assistant)
        elif options.to == "gguf":
            about: dict[str, Any] = {"name": saved.recipe.name, "half": half}
            about["chat_template"] = template
            path = save_gguf(model, tokenizer, folder, **about)
        else:
            save_for_huggingface(model, tokenizer, folder, template)
        if options.to != "web":
            write_model_card(saved, folder, options.to)
    print(f"Written: {path}" + size_shown(path))
    if options.to == "web":
        return
    print(f"Its card, with a licence for you to choose: {folder / CARD_FILE}")
    if options.to == "gguf":
        print("Open it with llama.cpp, or with a program around it:")
        begun = [] if is_assistant else ["-p", "Once"]
        print(f"  {shell_words(['llama-cli', '-m', str(path), *begun])}")
    else:
        print("Open it with transformers:")
        print(f'  AutoModelForCausalLM.from_pretrained("{folder}")')


def size_shown(path: Path) -> str:
    """How large a file is; nothing of a folder."""
    return f", {path.stat().st_size / 1e6:.1f} MB" if path.is_file() else ""


def evaluate_command(options: argparse.Namespace) -> None:
    """Print how good a run's model is."""
    refuse_tokenizer(options.run_dir)
    saved = open_weights(options)
    form = "names" if isinstance(saved.recipe, NamesRecipe) else "other"
    form = "text" if isinstance(saved.recipe, TextRecipe) else form
    what = f"{options.run_dir}, a run of {saved.recipe.name},"
    check_form(options, "evaluate", form, what)
    if wants_own_names(options):
        names = read_names(options.names, options.column)
        loss = surprise_at_names(saved, names)
        print(f"  loss on your {len(names):,} names  {loss:.3f} nats per position")
        return
    run = run_of(saved, readers_texts(options))
    print(f"{run.recipe.name} after {run.step:,} of {run.recipe.num_steps:,} steps")
    for line in run.report():
        print(line, flush=True)

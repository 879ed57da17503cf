"""Every recipe by its word on the command line."""

from collections.abc import Callable
from dataclasses import replace

from gptbook.files.nearest_word import find_word
from gptbook.tasks.assistant_recipes import AssistantRecipe
from gptbook.tasks.recipes import (
    ClassifierRecipe,
    ClubsRecipe,
    GPTRecipe,
    NgramRecipe,
    TextRecipe,
    TokenizerRecipe,
)
from gptbook.training.recipe import Recipe


def all_recipes() -> dict[str, Callable[[], Recipe]]:
    """Every recipe by its word on the command line, in the order of the book."""
    return {
        "iris": iris_net,
        "city-bigram": city_bigram,
        "city-trigram": city_trigram,
        "city-4gram": city_4gram,
        "docstrings-bpe": docstrings_bpe,
        "clubs-8gram": clubs_8gram,
        "clubs-attention": clubs_attention,
        "city-attention": city_attention,
        "city-gpt": city_gpt,
        "laptop": laptop,
        "gpt2-124m": gpt2_124m,
        "gpt2-124m-modern": gpt2_124m_modern,
        "gpt2-124m-2019": gpt2_124m_2019,
        "assistant": assistant,
    }


def recipe(word: str) -> Recipe:
    """The recipe for a word of the command line, such as city-4gram.

    Raises ValueError, which names the nearest word, if there is none.
    """
    known = all_recipes()
    return known[find_word(word, known, "recipe")]()


def city_bigram() -> NgramRecipe:
    """City names, one letter of context."""
    return NgramRecipe(name="city-bigram", context_length=1)


def city_trigram() -> NgramRecipe:
    """City names, two letters of context."""
    return replace(city_bigram(), name="city-trigram", context_length=2)


def city_4gram() -> NgramRecipe:
    """City names, three letters of context.

    There are thousands of contexts now, many of them rare: leaving a part of the net
    out at each step keeps it from learning them by heart, and needs more steps.
    """
    return replace(
        city_trigram(),
        name="city-4gram",
        context_length=3,
        embedding_dim=32,
        dropout=0.3,
        num_steps=2000,
        learning_rate=4e-3,
        batch_size=1024,
    )


def city_attention() -> GPTRecipe:
    """City names, one block: each letter looks back at all that came before."""
    return replace(city_gpt(), name="city-attention", num_layers=1, dropout=0.1)


def city_gpt() -> GPTRecipe:
    """City names, the whole model: the last rung of the book's ladder."""
    return GPTRecipe(
        name="city-gpt", num_layers=4, num_steps=3000, learning_rate=0.015, dropout=0.2
    )


def clubs_attention() -> ClubsRecipe:
    """Clubs and their stadiums, however far apart: attention, and nothing else."""
    return ClubsRecipe(name="clubs-attention")


def clubs_8gram() -> ClubsRecipe:
    """The same sentences with a net that sees seven words, and fails beyond them."""
    return replace(clubs_attention(), name="clubs-8gram", window=7)


def docstrings_bpe() -> TokenizerRecipe:
    """A byte-pair tokenizer of the docstrings of the installed libraries."""
    return TokenizerRecipe(name="docstrings-bpe", num_steps=2000)


def iris_net() -> ClassifierRecipe:
    """The three species of iris, as the third chapter trains its net."""
    return ClassifierRecipe(name="iris")


def laptop() -> TextRecipe:
    """A few minutes on the processor of a laptop, with any text."""
    return TextRecipe(
        name="laptop",
        num_steps=1000,
        num_layers=4,
        num_heads=4,
        model_dim=128,
        mlp_dim=512,
        context_length=128,
        batch_size=16,
        learning_rate=0.03,
        other_rate=0.008,
        warmup_steps=20,
        evaluate_every=125,
    )


def gpt2_124m() -> TextRecipe:
    """GPT-2 small's sizes with shortcuts: five dollars of one H100, setup included.

    It has 162,129,450 parameters, GPT-2 small 124,439,808: a second token table makes
    it larger, and positions, biases and norms that it does without a little smaller.
    The model is that of modded-nanogpt's record 11, of 10 November 2024, which learned
    from 1.57 billion tokens. Its batch is halved, at next to no cost on one GPU; its
    rates are divided by the square root of 2, as later records do it; and they fall
    over the last half of the steps, not three tenths. How many tokens we take, and why,
    says `gptbook.experiments.budget`.
    """
    return replace(
        gpt2_124m_modern(),
        name="gpt2-124m",
        form="speedrun",
        num_steps=7_300,
        batch_size=256,
        learning_rate=0.028,
        other_rate=0.0057,
        embedding_scale=75.0,
        warmup_steps=1,
        decay_share=0.5,
        momentum_steps=500,
    )


def gpt2_124m_modern() -> TextRecipe:
    """The same sizes in the modern form, which can be exported, and takes more steps.

    It has 162,129,408 parameters. Steps and batch follow modded-nanogpt's record 8, of
    3 November 2024, whose model has the same changes; rates those of the record before.
    """
    return TextRecipe(
        name="gpt2-124m-modern",
        num_steps=4_600,
        num_layers=12,
        num_heads=6,
        model_dim=768,
        mlp_dim=3_072,
        context_length=1_024,
        batch_size=512,
        learning_rate=0.02,
        other_rate=0.0036,
        warmup_steps=100,
        evaluate_every=125,
        num_windows=1_024,
    )


def gpt2_124m_2019() -> TextRecipe:
    """GPT-2 small to the letter with AdamW, to compare with: 124,439,808 parameters.

    Rates and batch are those that nanoGPT and llm.c train it with.
    """
    return replace(
        gpt2_124m_modern(),
        name="gpt2-124m-2019",
        form="gpt-2",
        optimizer="adamw",
        num_steps=18_865,
        num_heads=12,
        learning_rate=6e-4,
        other_rate=6e-4,
        weight_decay=0.1,
        warmup_steps=700,
        evaluate_every=250,
    )


def assistant() -> AssistantRecipe:
    """An assistant from GPT-2, or from another GPT, whose form and sizes it gets.

    The rates are those for the modern form, a third of `laptop`'s; steps and context
    follow from the conversations.
    """
    return AssistantRecipe(
        name="assistant",
        starts_from="gpt2",
        form="gpt-2",
        num_steps=60,
        num_layers=12,
        num_heads=12,
        model_dim=768,
        mlp_dim=3_072,
        context_length=1_024,
        model_context_length=1_024,
        batch_size=16,
        learning_rate=0.01,
        other_rate=0.0027,
        warmup_steps=10,
        evaluate_every=6,
    )

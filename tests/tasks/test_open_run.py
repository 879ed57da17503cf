"""Each recipe has its task, and what was trained comes back, and writes without its data."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import go_on, load_run, new_run, text_run, write_samples
from small import TINY

from gptbook.data.corpus import Corpus, write_corpus
from gptbook.data.tokenizer import CharacterTokenizer
from gptbook.data.tokenizer_files import save_tokenizer_file
from gptbook.generation.generate import generate_name
from gptbook.models.attention import AttentionModel
from gptbook.tasks.flowers import IrisFlowers
from gptbook.tasks.names import GPTNames, NgramNames
from gptbook.tasks.open_run import load_text_model, task_for
from gptbook.tasks.recipe_words import all_recipes, iris_net
from gptbook.tasks.recipes import ClubsRecipe, GPTRecipe, NgramRecipe, TextRecipe, TokenizerRecipe
from gptbook.tasks.sentences import LONGEST_SENTENCE, ClubSentences, split_at_words
from gptbook.training.checkpoint import load_checkpoint, save_checkpoint
from gptbook.training.engine import Run
from gptbook.training.recipe import Recipe

WORDS = ["my", "aunt", "Rangers", "Boca", "Boca Juniors", "Old Trafford", ",", ";"]


@pytest.fixture
def gpt(short: NgramRecipe) -> GPTRecipe:
    """A GPT over 40 short names."""
    return GPTRecipe(
        name="towns",
        num_layers=2,
        num_heads=2,
        model_dim=8,
        mlp_dim=12,
        context_length=8,
        batch_size=8,
        num_steps=3,
        warmup_steps=1,
        names_file=short.names_file,
        column=short.column,
    )


@pytest.fixture
def clubs() -> ClubsRecipe:
    """A little attention over few sentences."""
    return ClubsRecipe(name="clubs", num_sentences=40, model_dim=8, batch_size=8, num_steps=2, warmup_steps=1)


def begun(recipe: Recipe, folder: Path) -> Run:
    """A run after one step, saved in the folder."""
    run = new_run(recipe)
    run.training_step()
    run.save(folder)
    return run


def test_each_recipe_has_its_task(short: NgramRecipe, gpt: GPTRecipe, clubs: ClubsRecipe) -> None:
    kinds = {NgramNames: short, GPTNames: gpt, ClubSentences: clubs, IrisFlowers: iris_net()}
    for kind, recipe in kinds.items():
        task = task_for(recipe)
        assert type(task) is kind
        assert task.recipe == recipe


def test_every_recipe_of_the_command_line_is_of_a_kind_that_can_be_trained() -> None:
    kinds = NgramRecipe | GPTRecipe | ClubsRecipe | TokenizerRecipe | TextRecipe | type(iris_net())
    assert all(isinstance(make(), kinds) for make in all_recipes().values())


def test_a_run_comes_back_from_its_folder_as_it_was(
    short: NgramRecipe, gpt: GPTRecipe, clubs: ClubsRecipe, tmp_path: Path
) -> None:
    for name, recipe in {"net": short, "gpt": gpt, "clubs": clubs, "iris": iris_net()}.items():
        run = begun(recipe, tmp_path / name)
        loaded = load_run(tmp_path / name)
        assert type(loaded.task) is type(run.task)
        assert (loaded.step, loaded.losses) == (1, run.losses)
        for key, weights in run.model.state_dict().items():
            assert torch.equal(weights, loaded.model.state_dict()[key])


def test_a_net_writes_names_without_its_list(short: NgramRecipe, tmp_path: Path) -> None:
    run = begun(short, tmp_path / "run")
    task = run.task
    assert isinstance(task, NgramNames)
    Path(short.names_file).unlink()
    generator = torch.Generator().manual_seed(5)
    task.model.eval()
    names = [generate_name(task.model, task.tokenizer, 2, generator, start="am", max_letters=6) for _ in range(4)]
    assert task.write("am", 4, torch.Generator().manual_seed(5)) == names
    assert write_samples(tmp_path / "run", start="am", count=4, seed=5) == names


def test_a_gpt_writes_names_without_its_list(gpt: GPTRecipe, tmp_path: Path) -> None:
    run = begun(gpt, tmp_path / "run")
    Path(gpt.names_file).unlink()
    names = write_samples(tmp_path / "run", start="bo", count=12, seed=5)
    assert len(names) == 12
    assert all(name.startswith("bo") for name in names)
    assert all(set(name) <= set("".join(run.task.names)) for name in names)  # type: ignore[attr-defined]
    assert max(map(len, names)) <= 6, "twice the longest that it learned from"


def test_attention_writes_sentences_of_its_words_without_the_table(
    clubs: ClubsRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(clubs, tmp_path / "run")
    assert isinstance(run.task, ClubSentences)
    monkeypatch.setattr("gptbook.data.clubs.data_file", lambda name: 1 / 0)
    sentences = write_samples(tmp_path / "run", start="my aunt is a Boca Juniors fan", count=5, seed=1)
    assert all(sentence.startswith("my aunt is a Boca Juniors fan") for sentence in sentences)
    for sentence in sentences:
        assert split_at_words(sentence, run.task.tokenizer.words)


@pytest.mark.parametrize("kind", ["net", "gpt", "clubs"])
def test_the_same_seed_writes_the_same_and_more_go_on_from_fewer(
    kind: str, short: NgramRecipe, gpt: GPTRecipe, clubs: ClubsRecipe, tmp_path: Path
) -> None:
    begun({"net": short, "gpt": gpt, "clubs": clubs}[kind], tmp_path / "run")
    first, second, other, fewer = (
        write_samples(tmp_path / "run", start="", count=count, seed=seed)
        for count, seed in ((6, 1), (6, 1), (6, 2), (3, 1))
    )
    assert first == second != other
    assert first[:3] == fewer


def test_names_end_even_if_the_model_never_ends_them(short: NgramRecipe, gpt: GPTRecipe, tmp_path: Path) -> None:
    net, big = NgramNames(short), GPTNames(gpt)
    with torch.no_grad():
        net.model.output.bias[0] = -1e9  # the end mark never comes
        # a direction in which all vectors lie, against which the mark stands
        big.model.token_embedding.weight[:, 0] = 3.0
        big.model.prediction.weight[0, 0] = -1e6
    for name, task in {"net": net, "gpt": big}.items():
        Run(task).save(tmp_path / name)
        assert {len(written) for written in write_samples(tmp_path / name, start="", count=5, seed=0)} == {6}
    assert write_samples(tmp_path / "net", start="amabocade", count=1, seed=0) == ["amabocade"]


def test_a_sentence_ends_even_if_the_model_never_ends_it(clubs: ClubsRecipe) -> None:
    task = ClubSentences(clubs)
    assert isinstance(task.model, AttentionModel)
    with torch.no_grad():
        task.model.prediction.bias[0] = -1e9
    (written,) = task.write("my aunt", 1, torch.Generator().manual_seed(0))
    assert len(split_at_words(written, task.tokenizer.words)) == LONGEST_SENTENCE


def test_a_start_that_the_model_does_not_know_is_named(
    short: NgramRecipe, gpt: GPTRecipe, clubs: ClubsRecipe, tmp_path: Path
) -> None:
    for name, recipe in {"net": short, "gpt": gpt, "clubs": clubs}.items():
        begun(recipe, tmp_path / name)
    for name in ("net", "gpt"):
        with pytest.raises(ValueError, match='"7", character 2 of "b7", is not in the alphabet'):
            write_samples(tmp_path / name, start="b7", count=1, seed=0)
    with pytest.raises(ValueError, match='"ant is" does not begin with a word that the model knows: begin like'):
        write_samples(tmp_path / "clubs", start="my ant is", count=1, seed=0)
    with pytest.raises(ValueError, match='"amamamam" has 8 letters, and a context of 8 has room for 7'):
        write_samples(tmp_path / "gpt", start="amamamam", count=1, seed=0)


def test_a_start_longer_than_any_name_is_gone_on_from_by_a_letter_at_most(gpt: GPTRecipe, tmp_path: Path) -> None:
    begun(gpt, tmp_path / "run")
    for name in write_samples(tmp_path / "run", start="amamama", count=5, seed=0):
        assert name.startswith("amamama")
        assert len(name) <= 8


def test_a_run_of_flowers_writes_no_names(tmp_path: Path) -> None:
    new_run(iris_net()).save(tmp_path / "run")
    with pytest.raises(ValueError, match="which writes no names"):
        write_samples(tmp_path / "run", start="", count=1, seed=0)


def test_a_run_whose_training_has_failed_is_named_before_it_writes_or_measures(
    short: NgramRecipe, gpt: GPTRecipe, clubs: ClubsRecipe, tmp_path: Path
) -> None:
    for number, recipe in enumerate((short, gpt, clubs, iris_net())):
        folder = tmp_path / str(number)
        begun(recipe, folder)
        tensors, facts = load_checkpoint(folder)
        name = next(name for name in tensors if name.startswith("model."))
        tensors[name].view(-1)[0] = (float("nan"), float("inf"))[number % 2]
        save_checkpoint(folder, tensors=tensors, facts=facts)
        message = f"the run in .* has failed, {name[6:]} is not finite: train anew in another folder"
        with pytest.raises(ValueError, match=message):
            load_run(folder)
        with pytest.raises(ValueError, match=message if recipe != iris_net() else "writes no names|not finite"):
            write_samples(folder, start="", count=1, seed=0)


def test_a_checkpoint_without_its_alphabet_or_with_another_is_named(
    short: NgramRecipe, gpt: GPTRecipe, clubs: ClubsRecipe, tmp_path: Path
) -> None:
    for kind, recipe in {"alphabet": replace(short, seed=1), "longest_name": gpt, "words": clubs}.items():
        begun(recipe, tmp_path / kind)
        tensors, facts = load_checkpoint(tmp_path / kind)
        del facts["data"][kind]
        save_checkpoint(tmp_path / kind, tensors=tensors, facts=facts)
        with pytest.raises(ValueError, match=f"has no {kind}: .*was changed: copy the run folder again"):
            write_samples(tmp_path / kind, start="", count=1, seed=0)
    for folder, recipe in {"net": short, "gpt": gpt}.items():
        begun(recipe, tmp_path / folder)
        tensors, facts = load_checkpoint(tmp_path / folder)
        facts["data"]["alphabet"] = list("xyz")
        save_checkpoint(tmp_path / folder, tensors=tensors, facts=facts)
        with pytest.raises(ValueError, match="the checkpoint is of another model"):
            write_samples(tmp_path / folder, start="", count=1, seed=0)
        with pytest.raises(ValueError, match="the checkpoint is of another model"):
            load_run(tmp_path / folder)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("  my   aunt ", ["my", "aunt"]),
        ("Boca Juniors Boca", ["Boca Juniors", "Boca"]),
        ("Boca Rangers", ["Boca", "Rangers"]),
        ("my Old Trafford , ;", ["my", "Old Trafford", ",", ";"]),
    ],
)
def test_a_text_is_split_into_the_longest_words_that_fit(text: str, found: list[str]) -> None:
    assert split_at_words(text, WORDS) == found


@pytest.mark.parametrize(
    ("text", "rest"),
    [("my ant", "ant"), ("myaunt", "myaunt"), ("Old", "Old"), ("my aunts", "aunts"), ("My aunt", "My aunt")],
)
def test_what_begins_with_no_known_word_is_named_from_where_it_stands(text: str, rest: str) -> None:
    with pytest.raises(ValueError, match=f'^"{rest}" does not begin with a word that the model knows'):
        split_at_words(text, WORDS)


LETTERS = CharacterTokenizer("abcdefghij")


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    tokens = (np.arange(400) * 7 % 10 + 1).astype(np.uint16)
    facts = {"name": "tens", "bytes_per_token": 1.0}
    return write_corpus(tmp_path / "text", LETTERS, [tokens[:300]], [tokens[300:]], facts)


@pytest.fixture
def run_dir(corpus: Corpus, tmp_path: Path) -> Path:
    """The folder of a run after one step."""
    run = text_run(replace(TINY, data=str(corpus.folder)), corpus)
    run.training_step()
    run.save(tmp_path / "run")
    return tmp_path / "run"


def test_a_model_comes_back_without_its_text(run_dir: Path, corpus: Corpus) -> None:
    run = new_run(replace(TINY, data=str(corpus.folder)))
    go_on(run, run_dir)
    for path in corpus.folder.iterdir():
        path.unlink()
    model, tokenizer = load_text_model(run_dir)
    assert not model.training
    assert isinstance(tokenizer, CharacterTokenizer)
    assert tokenizer.characters == LETTERS.characters
    assert run.step == 1
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)


def test_a_run_that_learns_from_no_text_is_refused(tmp_path: Path) -> None:
    new_run(iris_net()).save(tmp_path / "iris")
    with pytest.raises(ValueError, match="holds a run of iris, which learns from no text: give a run of laptop or"):
        load_text_model(tmp_path / "iris")
    with pytest.raises(ValueError, match="there is no run folder"):
        load_text_model(tmp_path / "nowhere")
    save_checkpoint(tmp_path / "other", tensors={}, facts={"epoch": 3})
    with pytest.raises(ValueError, match="not of a training run"):
        load_text_model(tmp_path / "other")


def test_a_run_whose_tokenizer_is_missing_or_another_is_refused(run_dir: Path) -> None:
    save_tokenizer_file(run_dir, CharacterTokenizer("abc"))
    with pytest.raises(ValueError, match=r"the tokenizer in .* is not the one that the model was trained with: copy"):
        load_text_model(run_dir)
    (run_dir / "characters.json").unlink()
    with pytest.raises(ValueError, match=r"tokenizer\.json"):
        load_text_model(run_dir)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_run_that_has_failed_is_refused(number: float, run_dir: Path) -> None:
    tensors, facts = load_checkpoint(run_dir)
    tensors["model.prediction.weight"][2, 3] = number
    save_checkpoint(run_dir, tensors=tensors, facts=facts)
    with pytest.raises(ValueError, match=r"has failed, prediction\.weight is not finite: train anew"):
        load_text_model(run_dir)

"""Mutants of the package: each makes just those records stale that can reach it. And what really runs is reached."""

import ast
import builtins
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from gptbook.data.tables import data_file
from gptbook.experiments.closure import SourceTree, package_sources, source_tree
from gptbook.experiments.meaning import guard_name
from gptbook.experiments.mistakes import mistakes
from gptbook.experiments.record import BEYOND, sources_of
from gptbook.experiments.recordings import recordings

EVERY = recordings()
SOURCES = package_sources()


# Reckoned when a test asks, not by each process that collects tests.
@cache
def sources_now() -> dict[str, dict[str, str]]:
    """By record: what it depends on, as it is."""
    return {name: sources_of(recording) for name, recording in EVERY.items()}


@cache
def guards() -> set[str]:
    """What only raises errors, and a method that only the condition of such a line asks for."""
    return {*map(guard_name, source_tree().kept.values()), "ClubGrammar.gap_probability"}


def changed(**sources: str) -> dict[str, set[str]]:
    """By record: the entries that are others, new or gone in a package with other modules; fresh ones are left out."""
    tree = SourceTree({**SOURCES, **sources})
    found = {}
    for name, recording in EVERY.items():
        now, then = sources_now()[name], sources_of(recording, tree)
        if then != now:
            found[name] = {entry for entry in {**then, **now} if then.get(entry) != now.get(entry)}
    return found


def home(name: str) -> tuple[str, ast.stmt]:
    """The module of a definition, and its node."""
    for module, text in SOURCES.items():
        for node in ast.parse(text).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
            if name in [getattr(target, "name", getattr(target, "id", "")) for target in targets]:
                return module, node
    raise ValueError(name)


def planted(name: str, right: str, wrong: str) -> dict[str, str]:
    """The module of a definition with another text in that."""
    module, node = home(name)
    lines = SOURCES[module].splitlines(keepends=True)
    first = min([node.lineno, *(x.lineno for x in getattr(node, "decorator_list", []))]) - 1
    before, part, after = lines[:first], lines[first : node.end_lineno], lines[node.end_lineno :]
    text = "".join(part)
    assert right in text, f"{name} has no {right}: plant another mutant there"
    return {module: "".join([*before, text.replace(right, wrong, 1), *after])}


GPTS = {"parts", "names", "mistakes", "scaling", "assistant", "since", "outcomes", "cheaper", "after_pretraining"}
DIALOGUES = {"assistant", "after_pretraining"}
ENGINE = {"names", "clubs", "mistakes", "cheaper"}


@pytest.mark.parametrize(
    ("name", "right", "wrong", "entry", "records"),
    [
        ("Run", "loss.backward()", "(-loss).backward()", "Run.forward_backward_part", ENGINE),
        ("Run", "self.step = 0", "self.step = 1", "Run.__init__", ENGINE),
        ("train_run", "run.training_step()", "run.training_step() * 2", "train_run", {"names", "clubs"}),
        ("ORTHOGONALIZING", "3.4445", "0.0", "ORTHOGONALIZING", {"clubs", *GPTS} - {"mistakes"}),
        ("VERBS", '"likes", ', "", "VERBS", {"clubs"}),
        ("PASTIMES", '"roses", ', "", "PASTIMES", {"clubs"}),
        ("PRONOUNS", '"she"', '"he"', "PRONOUNS", {"clubs"}),
        ("pick", "return", "return None or", "pick", {"clubs"}),
        ("next_token_loss", "return", "return 2 *", "next_token_loss", {"clubs", *GPTS}),
        ("discounts", "return", "return None and", "discounts", {"windows", "clubs", "mistakes"}),
        ("train_on_counts", "batch_size: int = 2048", "batch_size: int = 1024", "train_on_counts", {"windows"}),
        ("seeded", "@contextmanager", "@contextmanager\n@staticmethod", "seeded", {"windows", "clubs", *GPTS}),
        ("sequence_loss", "@torch.no_grad()", "@torch.no_grad", "sequence_loss",
         {"clubs", "parts", "names", "mistakes"}),
        ("WindowExperiment", "self.training, self.held_out =", "self.held_out, self.training =",
         "WindowExperiment.__init__", {"windows"}),
        ("GPTNames", "self.inputs, self.targets = padded", "self.targets, self.inputs = padded",
         "GPTNames.__init__", {"names"}),
        ("GPT", "std=0.02", "std=1.0", "GPT.initialize", {"parts", "mistakes", "since", "cheaper"}),
        ("Mixture", "work.mean() - work", "work - work.mean()", "Mixture.balance", {"since"}),
        ("clock_angles", "/ stretch", "* stretch", "clock_angles", {"since"}),
        ("SLOWEST_TURN", "10_000.0", "100.0", "SLOWEST_TURN", {"names", "scaling", "cheaper", *DIALOGUES, "outcomes"}),
        ("GPTConfig", "model_dim: int = ", "model_dim: int = 1 + ", "GPTConfig", GPTS),
        ("rounded", "6", "2", "rounded", set(EVERY)),
        ("tree_docstrings", ".strip()", "", "tree_docstrings", {"scaling", "since", "cheaper"}),
        ("training_tensors", "optimizer.state_dict()", "optimizer.empty()", "training_tensors", {"mistakes"}),
        ("FACTS", "{}", "{} ", "FACTS", DIALOGUES),
        ("answer_log_probabilities", "asked, 0.0", "asked, 1.0", "answer_log_probabilities", {*DIALOGUES, "outcomes"}),
        ("preference_loss", "return -", "return ", "preference_loss", {"after_pretraining"}),
        ("NO_LINE", "no line", "no row", "NO_LINE", {"after_pretraining"}),
        ("policy_gradient_loss", "return -", "return ", "policy_gradient_loss", {"outcomes"}),
        ("advantages_of", "dim=1, keepdim=True", "dim=0, keepdim=True", "advantages_of", {"outcomes"}),
        ("DIGITS", "1234", "123", "DIGITS", {"outcomes"}),
        ("sloppy_check", "[-1]", "", "sloppy_check", {"outcomes"}),
        ("fine_tune", "return train_in_steps", "return None or train_in_steps", "fine_tune", {*DIALOGUES, "outcomes"}),
    ],
)  # fmt: skip
def test_a_mutant_makes_just_the_records_stale_that_reach_it(
    name: str, right: str, wrong: str, entry: str, records: set[str]
) -> None:
    assert changed(**planted(name, right, wrong)) == {record: {entry} for record in records}


class Changer(ast.NodeTransformer):
    """A mutant of every definition at once."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Each function does one thing more, however deep it stands."""
        self.generic_visit(node)
        node.body.insert(0, ast.parse("mutant = 1").body[0])
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.body.append(ast.parse("mutant = 1").body[0])
        return node

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.generic_visit(node)
        for part in node.body:
            if isinstance(part, ast.Assign | ast.AnnAssign) and part.value:
                part.value = ast.Tuple([part.value, ast.Constant(1)], ast.Load())
        return node


class Dresser(ast.NodeTransformer):
    """Other words in every definition at once, that do nothing."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        for arg in [*node.args.args, *node.args.kwonlyargs]:
            arg.annotation = ast.Name("Anything")
        node.returns = None
        if ast.get_docstring(node):
            node.body.pop(0)
        more = "'''Other words.'''\nassert True, 'mine'\nif len('') == 1:\n    raise ValueError('a new guard')\n"
        node.body[:0] = ast.parse(more).body
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call) and getattr(node.exc.func, "id", "") == "ValueError":
            node.exc.args = [ast.Constant("another sentence")]
        return node


def test_whatever_is_reached_is_watched_and_nothing_else() -> None:
    """A change in every definition of the package: the entries of each record are others, and none is missing.

    What only raised errors now does something, so it is new.
    """
    found = changed(**{module: ast.unparse(Changer().visit(ast.parse(text))) for module, text in SOURCES.items()})
    for record, now in sources_now().items():
        watched = {entry for entry in now if not entry.endswith(".csv") and not guard_name(source_tree().kept[entry])}
        assert found[record] - guards() == watched


def test_words_and_guards_in_every_definition_leave_every_record_fresh() -> None:
    dressed = {module: ast.unparse(Dresser().visit(ast.parse(text))) for module, text in SOURCES.items()}
    assert dressed["training.engine"] != ast.unparse(ast.parse(SOURCES["training.engine"]))
    assert changed(**dressed) == {}


def test_the_package_in_another_order_and_under_other_names_leaves_every_record_fresh() -> None:
    """Every module in one of two wings, and its definitions upside down."""

    def moved(text: str) -> str:
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("gptbook."):
                node.module = str(node.module).replace("gptbook.", "gptbook.wing.")
        tree.body.reverse()
        return ast.unparse(tree)

    tree = SourceTree({f"wing.{module}": moved(text) for module, text in SOURCES.items()})
    assert {name: sources_of(recording, tree) for name, recording in EVERY.items()} == sources_now()


def test_a_row_of_a_table_makes_the_records_stale_that_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_cities = {"clubs", "scaling", "since", "outcomes", "cheaper"}
    readers = {"cities.csv": set(EVERY) - without_cities, "teams.csv": {"clubs", *DIALOGUES}, "iris.csv": set()}
    for table, records in readers.items():
        content = data_file(table).read_bytes()
        folder = tmp_path / table
        folder.mkdir()
        (folder / table).write_bytes(content[:-2] + b"x\n")
        with monkeypatch.context() as other:
            other.setenv("GPTBOOK_DATA", str(folder))
            assert changed() == {record: {table} for record in records}


def test_nothing_absurd_is_in_a_record() -> None:
    assert not {"MultiHeadAttention", "GPT", "NgramCounts"} & sources_now()["assistant"].keys()
    assert not {"ModernGPT", "MuonAdamW"} & sources_now()["mistakes"].keys()
    for record, entries in sources_now().items():
        absurd = {"make_record", "write_whole", "build_parser", "train_with_bar", "SourceTree"}
        if record == "cheaper":  # which writes its text as `gptbook data prepare` does
            absurd -= {"write_whole"}
        assert not absurd & entries.keys()


def test_what_is_beyond_is_really_named_by_what_is_reached() -> None:
    """Otherwise it need not be left out."""
    tree = source_tree()
    for name in BEYOND:
        assert any(
            name in sources_of_all(recording.start.__name__, BEYOND - {name}, tree) for recording in EVERY.values()
        ), name


def sources_of_all(start: str, beyond: frozenset[str], tree: SourceTree) -> frozenset[str]:
    return tree.closure([start], asked=["parts", "results"], beyond=beyond)


def test_a_planted_mistake_reaches_nothing_new() -> None:
    """Their texts stand in the settings; what they name must be watched like all else."""
    for mistake in mistakes().values():
        tree = SourceTree({**SOURCES, **mistake.planted().sources})
        assert sources_of(EVERY["mistakes"], tree).keys() <= sources_now()["mistakes"].keys(), mistake.slug


def test_no_experiment_catches_an_error_of_the_package() -> None:
    """What raises does not count, so a record must not depend on it."""
    tree = source_tree()
    never_run = {"BytePairTokenizer.load"}  # which `open_corpus` names; the recorded text has letters for tokens
    for record, entries in sources_now().items():
        for entry in (entries.keys() & tree.kept.keys()) - never_run:
            for node in (inner for part in tree.kept[entry] for inner in ast.walk(part)):
                # To raise again, in other words, is still to raise.
                if isinstance(node, ast.ExceptHandler) and not isinstance(node.body[-1], ast.Raise):
                    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
                    for kind in kinds:
                        caught = getattr(builtins, ast.unparse(kind) if kind else "BaseException", OSError)
                        assert not issubclass(ValueError, caught), f"{record}: {entry}"
                        assert not issubclass(AssertionError, caught), f"{record}: {entry}"


TRAINING = {"num_steps": 1, "batch_size": 4, "matrix_rate": 0.04, "other_rate": 0.04, "warmup_steps": 1}
SMALL_GPT = {"context_length": 64, "num_layers": 1, "num_heads": 1, "model_dim": 4, "mlp_dim": 4}
TINY: dict[str, dict[str, Any]] = {
    "windows": {
        "widest": 1,
        "seeds": [0],
        "validation": {"share": 0.1, "seed": 0, "net_seeds": [0]},
        "training": {"num_steps": 1, "batch_size": 4, "learning_rate": 4e-3},
        "num_samples": 1,
        "curve": {"context_length": 1, "num_steps": 1, "dropouts": [0.1]},
    },
    "clubs": {
        "recipe": {"name": "clubs", "num_sentences": 9, "model_dim": 4, "batch_size": 4, "num_steps": 1},
        "widths": [2],
        "gaps": [4],
        "num_sentences": 9,
        "seeds": [0],
    },
    "parts": {"config": SMALL_GPT, "training": {"num_steps": 1, "batch_size": 4}, "seeds": [0]},
    "names": {
        "recipes": {"gpt": {"name": "gpt", "num_layers": 1, "num_heads": 1, "model_dim": 4, "mlp_dim": 4,
                            "batch_size": 4, "num_steps": 1, "dropout": 0.1}},
        "num_samples": 1,
        "seeds": [0],
    },
    "mistakes": {"seeds": [0], "num_fresh": 9, "num_samples": 2, "measure_every": 2},
    "cheaper": {
        "libraries": ["tqdm"],
        "recipe": {"num_layers": 2, "num_heads": 1, "model_dim": 4, "mlp_dim": 4, "context_length": 8, "batch_size": 2,
                   "learning_rate": 0.04, "other_rate": 0.02, "warmup_steps": 1, "num_windows": 4},
        "steps_before": [1],
        "steps_after": 1,
        "changes": {"all": {"form": "speedrun", "momentum_steps": 2, "embedding_scale": 2.0, "batch_size": 1}},
        "seeds": [0],
    },
    "scaling": {
        "library": "tqdm",
        "widths": [16],
        "training": TRAINING,
        "seeds": [0],
    },
    "assistant": {
        "config": SMALL_GPT,
        "num_texts": 40,
        "pre_training": {"num_steps": 1, "batch_size": 4},
        "num_dialogues": dict.fromkeys(EVERY["assistant"].settings["num_dialogues"], 2),
        "fine_tuning": {"num_steps": 1, "batch_size": 4},
        "num_questions": 2,
        "examine_every": 1,
        "seeds": [0],
    },
    "after_pretraining": {
        "clubs": {**EVERY["after_pretraining"].settings["clubs"], "config": SMALL_GPT, "num_texts": 40,
                  "pre_training": {"num_steps": 1, "batch_size": 4}, "num_dialogues": 4,
                  "fine_tuning": {"num_steps": 1, "batch_size": 4}, "num_old_windows": 4, "num_refusals": 2,
                  "refusing": {"num_steps": 1, "batch_size": 4}, "num_polite": 2,
                  "half_polite": {"num_steps": 1, "batch_size": 4},
                  "preferring": {"careful": {"num_steps": 1, "learning_rate": 1e-4, "strictness": 1.0}},
                  "num_questions": 2, "num_strangers": 2},
        "chats": {"config": SMALL_GPT, "num_chats": 4, "room": 50, "training": {"num_steps": 1, "batch_size": 4},
                  "num_questions": 2},
        "code books": {"config": SMALL_GPT, "num_pairs": 4, "num_examples": [0, 1], "num_questions": 2,
                       "training": TRAINING},
        "seeds": [0],
    },
    "since": {
        "library": "tqdm",
        "config": {"context_length": 8, "num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 8},
        "training": TRAINING,
        "models": {"gpt-2": [{}, {}], "rotary": [{}, {"rotary": True}],
                   "all": [{}, {"num_groups": 1, "num_experts": 3, "num_chosen": 2, "rotary": True}]},
        "longer": {"context_length": 16, "num_windows": 8, "bucket": 8, "ways": {"stretched": [100.0, 2.0]},
                   "training": TRAINING},
        "lengths": {"small": [{"model_dim": 4}, [0.2]]},
        "clock": {"num_rounds": 1, "num_steps": 1},
        "seeds": [0],
    },
    "outcomes": {
        "config": SMALL_GPT,
        "num_rows": 20,
        "num_questions": 4,
        "training": {"num_steps": 1, "batch_size": 4, "matrix_rate": 0.02, "other_rate": 0.004},
        "base_steps": 1,
        "learning": {"num_steps": 1, "num_rows": 2, "group_size": 2, "num_new": 4, "learning_rate": 1e-3},
        "seeds": [0],
    },
}  # fmt: skip


def tiny(name: str) -> dict[str, Any]:
    settings = {**EVERY[name].settings, **TINY[name]}
    if name == "mistakes":
        run = {**settings["run"], "config": SMALL_GPT, "num_steps": 4, "warmup_steps": 2, "part_size": 4, "one_in": 2}
        some = ("mask-missing", "cache-positions")
        settings |= {"run": run, "planted": {slug: settings["planted"].get(slug, []) for slug in some}}
    return settings


@pytest.fixture
def few_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of tables in which there are few cities: a run under watch is slow."""
    folder = tmp_path / "tables"
    folder.mkdir()
    lines = data_file("cities.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "cities.csv").write_text("".join([lines[0], *lines[1::150]]), encoding="utf-8")
    monkeypatch.setenv("GPTBOOK_DATA", str(folder))


OPENED: list[str] = []
WATCHED: list[bool] = []


@cache
def watch_opened_files() -> None:
    """Python never takes such a hook off again; so it is set once."""
    sys.addaudithook(lambda event, args: OPENED.append(str(args[0])) if event == "open" and WATCHED else None)


def entered(run: Callable[[], object]) -> set[str]:
    """The entries of the package that a call really runs, without what runs only for those that are beyond."""
    folder = str(Path(sys.modules["gptbook"].__path__[0]))
    methods = source_tree().methods
    beyond = BEYOND | {"Machine"}  # which `this_machine` makes: in float32 it lets the products be as they are
    found: set[str] = set()

    def entry_of(frame: FrameType) -> str:
        if not frame.f_code.co_filename.startswith(folder):
            return ""
        first, *rest = frame.f_code.co_qualname.split(".")
        return f"{first}.{rest[0]}" if rest and rest[0] in methods.get(first, {}) else first

    def callers(frame: FrameType | None) -> Iterator[str]:
        while frame is not None:
            yield entry_of(frame)
            yield entry_of(frame).partition(".")[0]  # whose class is beyond is beyond with all its methods
            frame = frame.f_back

    def on_event(frame: FrameType, event: str, argument: object) -> None:
        if event != "call" or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            return  # what has no variables of its own is a module or the body of a class
        entry = entry_of(frame)
        if entry and not entry.startswith("<") and entry not in found and not beyond & set(callers(frame)):
            found.add(entry)

    sys.setprofile(on_event)
    WATCHED.append(True)
    try:
        run()
    finally:
        sys.setprofile(None)
        WATCHED.clear()
    return found


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.usefixtures("few_names")
def test_all_that_an_experiment_really_runs_and_reads_is_among_its_sources(name: str, tmp_path: Path) -> None:
    watch_opened_files()
    OPENED.clear()

    def run() -> None:
        experiment = EVERY[name].start(tiny(name), tmp_path / "runs")
        parts = experiment.parts()
        experiment.results({part: train(lambda step, loss: None) for part, (_, train) in parts.items()})

    ran = entered(run)
    assert len(ran) > 15
    assert ran - guards() <= sources_now()[name].keys()
    folders = {data_file("cities.csv").parent, data_file("teams.csv").parent}
    read = {Path(file).name for file in OPENED if Path(file).parent in folders}
    assert read == {entry for entry in sources_now()[name] if entry.endswith(".csv")}

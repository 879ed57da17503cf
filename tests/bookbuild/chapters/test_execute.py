"""Execution: what is remembered, what is refused, and that two runs give the same bytes."""

import base64
import json
import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bookbuild.chapters import kernel, warm
from bookbuild.chapters.chapter import BuildError, Chapter, read_chapter
from bookbuild.chapters.execute import execute, execute_all, execution_key
from bookbuild.chapters.kernel import Execution, running
from bookbuild.chapters.published import publish
from bookbuild.chapters.source import flatten
from bookbuild.project import Project

TITLE = "# %% [markdown]\n# # Title\n\n"


@pytest.fixture
def small(tmp_path: Path) -> Project:
    (tmp_path / "docs").mkdir()
    (tmp_path / "data" / "runs").mkdir(parents=True)
    (tmp_path / "data" / "iris.csv").write_text("a\n1\n", encoding="utf-8")
    (tmp_path / "requirements.lock").write_text("", encoding="utf-8")
    return Project(tmp_path)


def write(project: Project, text: str) -> Chapter:
    path = project.docs_dir / "slug.py"
    path.write_text(TITLE + text, encoding="utf-8")
    return read_chapter(path, project.docs_dir)


def run(project: Project, text: str) -> tuple[Execution, list[str]]:
    """In a thread of its own, as the build does it: Playwright's loop may be running in this one."""
    said: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(execute, write(project, text), project, said.append).result(), said


def test_prose_changes_execute_nothing_and_a_number_in_prose_comes_from_the_run(small: Project) -> None:
    first, said = run(small, '# %%\nx = 2\nx\n\n# %% [markdown]\n# It is {{ f"{x:.1f}" }}.\n')
    assert said == ["executing slug.py"]
    assert first.values == {'f"{x:.1f}"': "2.0"}
    assert first.outputs[0][0]["data"]["text/plain"] == "2"
    again, said = run(small, '# %%\nx = 2\nx\n\n# %% [markdown]\n# Other words, and still {{ f"{x:.1f}" }}.\n')
    assert said == []
    assert again == first


LIVE = """# %%
x = 2

# %% tags=["live"]
#| widget: it
#| alt: A line.
#| caption: It rises.
import matplotlib.pyplot as plt
from bookbuild.live import publish

publish("opening", x)
plt.plot([1, x])
plt.show()

# %%
x
"""


def test_a_live_piece_gets_its_files_from_the_run_and_is_remembered_with_it(small: Project) -> None:
    first, _ = run(small, LIVE)
    assert {name: base64.b64decode(text) for name, text in first.live.items()} == {"opening.json": b"2"}
    assert (first.counts[0], first.counts[2]) == (1, 2), "for the reader's notebook the cell is not there"
    again, said = run(small, LIVE)
    assert (again, said) == (first, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LIVE.replace("plt.show()", "plt.close()"), "a cell with a `#| widget:` ends with one figure"),
        (LIVE.replace("#| widget: it\n", ""), "a live cell without one shows nothing"),
        (
            LIVE.replace('publish("opening", x)', 'publish("opening", "x" * 2**20)'),
            "its live piece has 1,048,578 bytes",
        ),
    ],
)
def test_a_live_cell_without_a_still_picture_or_too_large_is_refused(small: Project, text: str, message: str) -> None:
    with pytest.raises(BuildError, match=re.escape(message)):
        run(small, text)


def test_all_that_can_change_a_result_changes_the_key(small: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def key(text: str) -> str:
        chapter = write(small, text)
        return execution_key(chapter, flatten(chapter), small)

    text = '# %%\nname = "iris.csv"\n'
    keys = [key(text), key(text.replace("name", "other")), key(text.replace("# %%", '# %% tags=["result"]'))]
    keys.append(key(text + "\n# %% [markdown]\n# {{ name }}\n"))
    (small.data_dir / "iris.csv").write_text("a\n2\n", encoding="utf-8")
    keys.append(key(text))
    small.lock.write_text("torch==0\n", encoding="utf-8")
    keys.append(key(text))
    monkeypatch.setattr("sys.version", "9.9")
    keys.append(key(text))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("# %%\nx = 1\n1 / 0\n", r"docs/slug.py:6: code cell 1: ZeroDivisionError: division by zero"),
        (
            "# %%\nx = 1\n\n# %% [markdown]\n# Word {{ y }}.\n",
            r"docs/slug.py:8: \{\{ y \}\}: NameError: name 'y' is not defined",
        ),
        ("# %% [markdown]\n# {{ 1 + }}\n", r"docs/slug.py:5: \{\{ 1 \+ \}\}: SyntaxError"),
        ("# %%\nimport sys\nprint('oh', file=sys.stderr)\n", r"docs/slug.py:5: the cell wrote to stderr: oh"),
        (
            '# %% tags=["raises"]\nx = 1\n',
            r"docs/slug.py:5: code cell 1: is tagged `raises` and raised nothing",
        ),
        (
            "# %%\nimport matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\n",
            r"docs/slug.py:5: a figure needs `#\| alt",
        ),
        ("# %%\nimport gptbook\n", r"ModuleNotFoundError: No module named 'gptbook'"),
    ],
)
def test_a_failure_names_file_line_and_cell(small: Project, code: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        run(small, code)
    assert not list((small.cache_dir / "executed").rglob("*.json")), "a failed run is not remembered"


FOREVER = "import time\nwhile True: time.sleep(1)\n"


@pytest.mark.parametrize(
    ("code", "where"),
    [
        ("# %%\n" + FOREVER, "docs/slug.py:5: code cell 1: ran longer"),
        ("# %% [markdown]\n# It is {{ __import__('time').sleep(10**6) }}.\n", "docs/slug.py:5: {{"),
        ('# %% tags=["live"]\n' + FOREVER, "docs/slug.py:5: code cell 1: ran longer"),
        ("# %%\nimport os\nos._exit(1)\n", "docs/slug.py:5: code cell 1: the kernel died"),
        ("# %%\nimport os\nos.kill(os.getpid(), 9)\n", "docs/slug.py:5: code cell 1: the kernel died"),
        ("# %% [markdown]\n# It is {{ __import__('os')._exit(0) }}.\n", "docs/slug.py:5: {{"),
        # IPython names no line for it.
        ("# %%\nx = 1\nraise SystemExit('enough')\n", "docs/slug.py:5: code cell 1: SystemExit"),
        ("# %%\nx = 1\nraise KeyboardInterrupt\n", "docs/slug.py:6: code cell 1: KeyboardInterrupt"),
        ("# %%\nx = bytearray(2**60)\n", "docs/slug.py:5: code cell 1: MemoryError"),
        ("# %%\ninput()\n", "docs/slug.py:5: code cell 1: StdinNotImplementedError"),
        ("# %%\nraise ValueError('one\\ntwo')\n", "docs/slug.py:5: code cell 1: ValueError: one two"),
        ("# %% [markdown]\n# It is {{ 1/0 }}.\n", "docs/slug.py:5: {{ 1/0 }}: ZeroDivisionError"),
    ],
)
def test_whatever_stops_a_cell_or_the_code_of_the_prose_is_one_sentence_with_its_line(
    small: Project, monkeypatch: pytest.MonkeyPatch, code: str, where: str
) -> None:
    # What never ends reaches any limit; what fails at once would on a busy machine reach this one, too. What a kernel
    # needs to start and to import PyTorch has a limit of its own.
    if "sleep" in code:
        monkeypatch.setattr("bookbuild.chapters.kernel.SECONDS_PER_CELL", 5)
    with pytest.raises(BuildError) as stopped:
        run(small, code)
    assert str(stopped.value).startswith(where)
    assert "\n" not in str(stopped.value)


def test_an_interrupted_build_ends_its_kernels(small: Project) -> None:
    """Ctrl-C while a cell runs that never ends: nothing waits for it, and no kernel stays."""
    started: list[int] = []

    def progress(line: str) -> None:
        started.append(1)

    chapters = [write(small, "# %%\n" + FOREVER)]

    def interrupt_when_it_runs() -> None:
        while not running:
            threading.Event().wait(0.1)
        started.extend(running)
        os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=interrupt_when_it_runs)
    watcher.start()
    with pytest.raises(KeyboardInterrupt):
        execute_all(chapters, small, progress)
    watcher.join()
    assert not running
    with pytest.raises(ProcessLookupError):
        os.kill(started[-1], 0)


def test_an_error_that_the_chapter_wants_is_an_output(small: Project) -> None:
    execution, _ = run(small, '# %% tags=["raises"]\n1 / 0\n')
    assert execution.outputs[0][0]["ename"] == "ZeroDivisionError"


EXERCISE = """# %%
def say(is_right):
    print("✓ Add: solved" if is_right else "✗ Add: not yet.")

# %% [markdown] tags=["exercise"]
# Add.

# %% tags=["starter"]
answer = ...

# %% tags=["check"]
say(answer == 4)

# %% [markdown] tags=["hint"]
# Two and two.

# %% tags=["solution"]
answer = 4
"""


def test_an_exercise_is_open_on_the_page_and_its_solution_solves_it(small: Project) -> None:
    execution, _ = run(small, EXERCISE)
    assert [outputs[0]["text"] for outputs in execution.outputs if outputs] == ["✗ Add: not yet.\n"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("answer = ...", "answer = 4", "docs/slug.py:15: the starter passes the check: it says '✓ Add: solved'"),
        ("answer = 4", "answer = 5", "docs/slug.py:21: the solution fails its check: ✗ Add: not yet."),
        ("answer = 4", "answer = four", "docs/slug.py:21: the solution: NameError: name 'four' is not defined"),
    ],
)
def test_an_exercise_that_is_solved_or_cannot_be_is_refused(small: Project, old: str, new: str, message: str) -> None:
    with pytest.raises(BuildError, match=re.escape(message)):
        run(small, EXERCISE.replace(old, new))


PREDICT = EXERCISE.replace("# Add.\n", "# ### Predict: add\n#\n# Two and two?\n#\nANSWER\n#\n# So it is.\n")
NUMBER, CHOICES = "# answer: {{ 2 + 2 }} of them", "# - [ ] 3\n# - [x] 4\n# - [ ] 5"


@pytest.mark.parametrize("answer", [NUMBER, CHOICES])
def test_the_answer_on_the_page_passes_the_check_of_the_notebook(small: Project, answer: str) -> None:
    text = PREDICT.replace("ANSWER", answer)
    execution, said = run(small, text)
    assert said
    assert [outputs[0]["text"] for outputs in execution.outputs if outputs] == ["✗ Add: not yet.\n"]
    published = publish(write(small, text), execution)
    [question] = [cell.guess for cell in published if cell.guess]
    assert question.stated.startswith("4")
    assert not any(cell.outputs for cell in published), "no page greets its reader with a failed check"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("# answer: {{ 2 + 3 }} of them", "docs/slug.py:9: the answer fails the check: answer = 5: ✗ Add: not yet."),
        ("# - [x] 3\n# - [ ] 4", "docs/slug.py:9: the answer fails the check: answer = 3: ✗ Add: not yet."),
        ("# - [x] 4\n# - [ ] 4.0", "docs/slug.py:9: a wrong choice passes the check: answer = 4.0: ✓ Add: solved"),
        ("# answer: {{ 'many' }}", "docs/slug.py:13: 'many' is no answer"),
    ],
)
def test_an_answer_that_the_notebook_does_not_take_is_refused(small: Project, answer: str, message: str) -> None:
    with pytest.raises(BuildError, match=re.escape(message)):
        run(small, PREDICT.replace("ANSWER", answer))


def test_a_guess_whose_number_turns_out_to_be_none_is_refused(small: Project) -> None:
    text = '# %%\nx = "many"\n\n# %% [markdown] tags=["guess"]\n# How many?\n#\n# answer: {{ x }}\n#\n# So.\n'
    execution, _ = run(small, text)
    with pytest.raises(BuildError, match=re.escape("docs/slug.py:10: 'many' is no answer")):
        publish(write(small, text), execution)


def test_a_run_leaves_no_address_of_an_object(small: Project) -> None:
    execution, _ = run(small, "# %%\nobject()\n")
    assert "0x…" in json.dumps(execution.outputs, ensure_ascii=False)


needs_forks = pytest.mark.skipif(not warm.possible, reason="kernels are forked on Linux only")


@needs_forks
def test_a_kernel_has_imported_already_and_knows_neither_the_package_nor_another_kernel(small: Project) -> None:
    code = """# %%
import sys
kept = {"torch", "matplotlib", "gptbook", "bookbuild"} & set(sys.modules)
import random
import numpy as np
import torch
print(sorted(kept), hasattr(torch, "changed"))
torch.changed = True

# %%
print(torch.rand(1).item(), np.random.rand(), random.random())
"""
    first, _ = run(small, code)
    assert first.outputs[0][0]["text"] == "['matplotlib', 'torch'] False\n"
    again, said = run(small, code + "# other\n")
    assert said
    assert again.outputs[0] == first.outputs[0]
    drawn = zip(first.outputs[1][0]["text"].split(), again.outputs[1][0]["text"].split(), strict=True)
    assert all(one != other for one, other in drawn), "chance begins anew"


@needs_forks
def test_what_decides_an_import_is_that_of_the_kernels_own_environment_and_both_end_together(
    small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = kernel.kernel_environment() | {"ATEN_CPU_CAPABILITY": "default"}
    code = "# %%\nimport torch\nprint(torch.backends.cpu.get_cpu_capability())\n"
    monkeypatch.setattr(kernel, "kernel_environment", lambda: environment)
    execution, _ = run(small, code)
    assert execution.outputs[0][0]["text"] == "DEFAULT\n"
    imported = warm.imported_in(environment)
    connection = ["-f", str(tmp_path / "kernel.json"), "--log-level=CRITICAL"]
    forked = imported.fork(connection, str(tmp_path), environment)
    while not (tmp_path / "kernel.json").exists():
        threading.Event().wait(0.1)
    assert forked.poll() is None
    imported.process.kill()
    assert forked.wait() == 0
    with pytest.raises(BrokenPipeError):
        imported.fork(connection, str(tmp_path), environment)


@needs_forks
def test_a_forked_kernel_shows_and_prints_what_a_new_python_does(
    small: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries ask whether they are in a notebook when they are imported: for wide tables and for figures."""
    code = """# %%
#| alt: A line.
#| caption: It rises.
import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
import torch
print(plt.get_backend(), plt.isinteractive(), repr(dict(matplotlib.rcParams)))
pd.describe_option()
print([name for name, value in vars(torch.backends).items() if isinstance(value, bool)])
print(pd.DataFrame({f"a column with a long name {n}": ["something long"] for n in range(8)}))
plt.plot([1, 2])
plt.show()

# %%
pd.DataFrame({f"a column with a long name {n}": ["something long"] for n in range(30)})
"""
    forked, _ = run(small, code)
    monkeypatch.setattr(warm, "possible", False)
    new, said = run(small, code + "# other\n")
    assert said
    assert new == forked


def test_executing_a_chapter_again_gives_the_same_bytes(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, samples and figures depend on nothing but the sources, and on how the processor rounds.

    A chapter with all of these; test_chapters.py reads in all others that nothing is drawn without a seed. And here it
    runs in a new Python, where the build's was a fork of one that had imported already.
    """
    monkeypatch.setattr(warm, "possible", False)
    name = "learning-from-examples/loss-and-training.py"
    chapter = read_chapter(project.docs_dir / name, project.docs_dir)

    def afresh(folder: Path) -> Execution:
        class Afresh(Project):
            @property
            def cache_dir(self) -> Path:
                return folder

        return execute_all([chapter], Afresh(project.root), lambda line: None)[name]

    fresh = afresh(tmp_path / "first")
    assert fresh.live
    assert any("image/svg+xml" in output.get("data", {}) for outputs in fresh.outputs for output in outputs)
    if fresh != execute_all([chapter], project, lambda line: None)[name]:  # remembered from another processor
        assert fresh == afresh(tmp_path / "second")

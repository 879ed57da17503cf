import ast
from pathlib import Path

import pytest

import gptbook.training.loss
from bookbuild.chapters.chapter import BuildError, read_chapter
from bookbuild.chapters.source import FlatCell, flatten


def flat(tmp_path: Path, code: str) -> list[FlatCell]:
    path = tmp_path / "slug.py"
    path.write_text("# %% [markdown]\n# # Title\n\n" + code, encoding="utf-8")
    return [cell for cell in flatten(read_chapter(path, tmp_path)) if cell.cell.kind == "code"]


def test_an_import_becomes_the_source_it_names_after_all_that_this_needs(tmp_path: Path) -> None:
    cells = flat(tmp_path, '# %% tags=["show"]\nfrom gptbook.models.ngram import NgramCounts\n')
    names = [cell.origin.name for cell in cells if cell.origin]
    assert names[-1] == "NgramCounts"
    assert [cell.folded for cell in cells] == [True] * (len(cells) - 1) + [False]
    namespace: dict[str, object] = {}
    for cell in cells:
        assert "gptbook" not in cell.source.split('"""')[0]
        exec(compile(cell.source, "cell", "exec"), namespace)
    assert callable(namespace["NgramCounts"])


def test_the_shown_source_is_the_files_own_lines(tmp_path: Path) -> None:
    cell = flat(tmp_path, '# %% tags=["show"]\nfrom gptbook.training.loss import next_token_loss\n')[-1]
    assert cell.origin
    lines = Path(str(gptbook.training.loss.__file__)).read_text(encoding="utf-8").splitlines()
    shown = "\n".join(lines[cell.origin.first_line - 1 : cell.origin.last_line])
    assert cell.source.endswith(shown)
    assert isinstance(ast.parse(shown).body[0], ast.FunctionDef)


def test_a_definition_and_an_import_come_once(tmp_path: Path) -> None:
    code = (
        "# %%\nimport torch\n\n"
        '# %% tags=["show"]\nfrom gptbook.models.ngram import NgramNet\n\n'
        "# %%\nfrom gptbook.models.ngram import NgramNet\nnet = NgramNet(27, 1)\n"
    )
    sources = "\n".join(cell.source for cell in flat(tmp_path, code))
    assert sources.count("class NgramNet") == 1
    assert sources.count("import torch\n") == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            '# %% tags=["show"]\nfrom gptbook.training.loss import next_token_loss\nx = 1\n',
            "slug.py:5: a cell tagged `show` holds only",
        ),
        (
            "# %%\nfrom gptbook.training.loss import nothing\n",
            "slug.py:5: gptbook.training.loss has no top-level nothing",
        ),
        ("# %%\nx = 1\nfrom gptbook.training.loss import next_token_loss as n\n", "slug.py:6: import next_token_loss"),
        ("# %%\nx = 1\ny = (\n", "slug.py:6: SyntaxError"),
        (
            '# %%\nfrom gptbook.models.gpt import GPT\n\n# %% tags=["show"]\nfrom gptbook.models.gpt import MLP\n',
            "slug.py:8: MLP came with an import further up",
        ),
        ("# %%\nfrom gptbook.nowhere import x\n", "there is no module gptbook.nowhere"),
    ],
)
def test_an_import_that_cannot_be_shown_names_its_line(tmp_path: Path, code: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        flat(tmp_path, code)


def test_a_chapter_may_not_reuse_a_name_that_the_packages_source_needs(tmp_path: Path) -> None:
    needs = "# %%\nfrom gptbook.models.ngram import NgramCounts\n\n# %%\n"
    for code in ("x = 1\ntorch = 1\n", "for NgramCounts in []:\n    pass\n"):
        with pytest.raises(BuildError, match=r"slug\.py:\d+: (torch|NgramCounts) is a name"):
            flat(tmp_path, needs + code)
    assert flat(tmp_path, needs + "x = [torch for torch in ()]\n\n\ndef f(torch):\n    torch = 1\n")

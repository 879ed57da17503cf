"""What a run folder held, checked and ready to go on from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from gptbook.files.json_files import brief
from gptbook.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class SavedRun:
    """A run as it was saved: `gptbook.tasks.open_run` opens and checks one."""

    recipe: Recipe
    """What decides the run."""
    tensors: Mapping[str, Tensor]
    """The weights and what the optimizer remembers."""
    facts: dict[str, Any]
    """All else that goes on: the step, the losses, which data they were."""
    run_dir: Path
    """Where it lies."""

    def check_trained(self) -> None:
        """Raise ValueError if a number is NaN or infinite: its training has failed."""
        for name, tensor in self.tensors.items():
            if not tensor.isfinite().all():
                raise ValueError(
                    f"the run in {self.run_dir} has failed, "
                    f"{name.removeprefix('model.')} is not finite: "
                    "train anew in another folder"
                )

    def check_same(self, recipe: Recipe, data: dict[str, Any], advice: str) -> None:
        """Raise ValueError, with the differences, if it has another recipe or data.

        advice says what to do then.
        """
        if type(self.recipe) is not type(recipe):
            raise ValueError(
                f"{self.run_dir} holds a run of {self.recipe.name}, not of "
                f"{recipe.name}: give another --run-dir"
            )
        there = {**self.facts["data"], **asdict(self.recipe)}
        here = {**data, **asdict(recipe)}
        # The names or the text count, not where the file with them lies.
        changed = [
            name
            for name in {**there, **here}
            if there.get(name) != here.get(name) and name not in ("names_file", "data")
        ]
        if changed:
            shown = "; ".join(
                f"{name} is {brief(there, name)} there, {brief(here, name)} here"
                for name in changed
                if not name.endswith("_sha256")
            )
            raise ValueError(
                f"{self.run_dir} holds another run "
                f"({shown or 'its data have changed'}): {advice}"
            )

import math

import pytest
import torch

from gptbook.experiments.planting import PlantedPackage
from gptbook.training.loss import next_token_loss

LOGITS, TARGETS = torch.zeros(1, 4, 27), torch.zeros(1, 4, dtype=torch.long)
HALF = ("loss", "return F.cross_entropy(", "return 0.5 * F.cross_entropy(")


def test_what_is_wrong_in_one_module_is_wrong_for_all_that_import_it() -> None:
    half = PlantedPackage([HALF])
    assert half.loss.next_token_loss(LOGITS, TARGETS) == pytest.approx(math.log(27) / 2)
    assert half.loops.next_token_loss is half.loss.next_token_loss


def test_the_package_itself_stays_as_it_is() -> None:
    assert PlantedPackage([HALF]).loss.next_token_loss is not next_token_loss
    assert next_token_loss(LOGITS, TARGETS) == pytest.approx(math.log(27))


def test_several_changes_can_be_in_one_module() -> None:
    twice = PlantedPackage([HALF, ("loss", "return 0.5 *", "return 2 *")])
    assert twice.loss.next_token_loss(LOGITS, TARGETS) == pytest.approx(2 * math.log(27))


@pytest.mark.parametrize("right", ["no such text", "return"])
def test_a_text_that_is_not_there_once_is_refused(right: str) -> None:
    with pytest.raises(ValueError, match="plant the mistake in a text that is there once"):
        PlantedPackage([("loss", right, "wrong")])


def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(ValueError, match="no module nothing: check the name"):
        PlantedPackage([("nothing", "right", "wrong")])

"""Telling irises apart: by thresholds, by a net, and how sure one may be of its accuracy."""

import math

import pytest
import torch

from gptbook.data.tables import iris
from gptbook.models.classifier import (
    FEATURES,
    SPECIES,
    IrisNet,
    accuracy,
    best_thresholds,
    classify_by_thresholds,
    corrected_interval,
    count_mistakes,
    cross_validate,
    iris_tensors,
    train_classifier,
)


def test_there_are_150_flowers_with_four_lengths_and_50_of_each_species() -> None:
    features, labels = iris_tensors()
    assert features.shape == (150, 4)
    assert features.dtype == torch.float32
    assert labels.bincount().tolist() == [50, 50, 50]
    row = iris().iloc[100]
    assert features[100].tolist() == pytest.approx([row[feature] for feature in FEATURES])
    assert SPECIES[labels[100]] == row["species"]


def test_a_flower_on_a_threshold_belongs_to_the_species_above_it() -> None:
    lengths = torch.tensor([1.0, 2.0, 3.0, 5.0, 6.0])
    assert classify_by_thresholds(lengths, low=2.0, high=5.0).tolist() == [0, 1, 1, 2, 2]


def test_best_thresholds_find_a_perfect_split_where_there_is_one() -> None:
    lengths = torch.tensor([1.0, 1.5, 3.0, 4.0, 6.0, 7.0])
    assert best_thresholds(lengths, torch.tensor([0, 0, 1, 1, 2, 2])) == (2.25, 5.0, 0)


def test_no_pair_of_thresholds_on_a_fine_grid_beats_the_best_ones() -> None:
    features, labels = iris_tensors()
    petal_length = features[:, FEATURES.index("petal_length")]
    low, high, mistakes = best_thresholds(petal_length, labels)
    assert mistakes == count_mistakes(classify_by_thresholds(petal_length, low, high), labels)
    grid = [step / 20 + 0.025 for step in range(15, 145)]
    fewest = min(
        count_mistakes(classify_by_thresholds(petal_length, low, high), labels)
        for low in grid
        for high in grid
        if low <= high
    )
    assert fewest == mistakes


def test_thresholds_need_two_different_lengths() -> None:
    with pytest.raises(ValueError, match="same petal length"):
        best_thresholds(torch.ones(3), torch.tensor([0, 1, 2]))


def test_the_iris_net_has_131_parameters_and_three_scores_a_flower() -> None:
    model = IrisNet()
    assert sum(parameter.numel() for parameter in model.parameters()) == 131
    assert model(torch.rand(7, 4)).shape == (7, 3)


def test_training_makes_the_net_less_surprised_and_the_seed_decides_every_bit() -> None:
    features, labels = iris_tensors()
    model, losses = train_classifier(features, labels, seed=3)
    again, losses_again = train_classifier(features, labels, seed=3)
    other, _ = train_classifier(features, labels, seed=4)
    assert losses[-1] < 0.1 < 0.7 < losses[0]
    assert losses == losses_again
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, again.state_dict()[name])
        assert not torch.equal(weights, other.state_dict()[name])


def test_after_step_sees_the_net_before_the_first_step_and_after_each() -> None:
    features, labels = iris_tensors()
    seen: list[tuple[int, float]] = []
    model, _ = train_classifier(
        features,
        labels,
        num_steps=30,
        after_step=lambda step, model: seen.append((step, accuracy(model, features, labels))),
    )
    assert [step for step, _ in seen] == list(range(31))
    assert seen[-1][1] == accuracy(model, features, labels)
    assert seen[0][1] < seen[-1][1]


def test_accuracy_is_the_share_of_right_names() -> None:
    class Always(torch.nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[0.0, 1.0, 0.0]]).expand(len(features), 3)

    assert accuracy(Always(), torch.rand(4, 4), torch.tensor([1, 1, 0, 1])) == 0.75


def test_cross_validated_accuracy_is_96_percent_or_more() -> None:
    features, labels = iris_tensors()
    accuracies = cross_validate(features, labels, num_repeats=2)
    assert accuracies.shape == (2, 5)
    assert accuracies.mean() >= 0.96
    assert torch.equal(accuracies, cross_validate(features, labels, num_repeats=2))
    low, high = corrected_interval(accuracies)
    assert 0.9 < low < accuracies.mean() < high <= 1


def test_the_corrected_interval_is_nadeau_and_bengios() -> None:
    accuracies = torch.tensor([[0.8, 0.9], [0.7, 0.8]])
    # By hand: mean 0.8, variance (0 + 0.01 + 0.01 + 0) / 3, half held out: held_out/training = 1;
    # Student's t for 95 % and 3 degrees of freedom is 3.182446 in every table.
    half_width = 3.182446 * math.sqrt((1 / 4 + 1) * 0.02 / 3)
    low, high = corrected_interval(accuracies)
    assert low == pytest.approx(0.8 - half_width, abs=1e-6)
    assert high == 1.0  # 0.8 + 0.29 is no accuracy
    narrow_low, narrow_high = corrected_interval(accuracies, confidence=0.5)
    assert narrow_high == pytest.approx(0.8 + 0.764892 * math.sqrt(1.25 * 0.02 / 3), abs=1e-6)
    assert low < narrow_low


def test_the_corrected_interval_is_wider_than_the_naive_one() -> None:
    accuracies = torch.linspace(0.9, 1.0, 50).view(10, 5)
    low, high = corrected_interval(accuracies)
    naive = 2 * 2.009575 * (accuracies.var() / 50).sqrt().item()
    assert high - low == pytest.approx(naive * math.sqrt(1 + 50 / 4), rel=1e-5)


@pytest.mark.parametrize("accuracies", [torch.ones(5), torch.ones(3, 1)])
def test_the_interval_needs_folds(accuracies: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"\(repeats, folds\)"):
        corrected_interval(accuracies)


def test_the_confidence_is_a_share() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        corrected_interval(torch.ones(2, 2), confidence=95)


def test_training_and_cross_validation_leave_the_chance_of_others_as_it_was() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    train_classifier(*iris_tensors(), num_steps=1)
    assert torch.equal(torch.rand(3), wanted)
    torch.manual_seed(5)
    cross_validate(*iris_tensors(), num_folds=2, num_repeats=1, num_steps=1)
    assert torch.equal(torch.rand(3), wanted)

"""Three species of iris told apart: by two thresholds, and by a net that learns."""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.data.tables import iris

FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
SPECIES = ("setosa", "versicolor", "virginica")


def iris_tensors() -> tuple[Tensor, Tensor]:
    """The 150 flowers as numbers: four lengths in cm (150, 4) and the species (150,).

    The columns are in the order of `FEATURES`; a species is its place in `SPECIES`.
    """
    flowers = iris()
    lengths = flowers[list(FEATURES)].to_numpy()
    features = torch.tensor(lengths, dtype=torch.float32)
    labels = torch.tensor([SPECIES.index(name) for name in flowers["species"]])
    return features, labels


def classify_by_thresholds(petal_length: Tensor, low: float, high: float) -> Tensor:
    """Name the species by petal length: 0 below `low`, 2 from `high` on, 1 between.

    Shapes: petal_length (B,), in the unit of the thresholds (cm); the result (B,)
    holds places in `SPECIES`.
    """
    return (petal_length >= low).long() + (petal_length >= high).long()


def count_mistakes(predicted: Tensor, labels: Tensor) -> int:
    """How many flowers got the wrong name. Shapes: predicted and labels are (B,)."""
    return int((predicted != labels).sum())


def best_thresholds(petal_length: Tensor, labels: Tensor) -> tuple[float, float, int]:
    """Try every pair of thresholds; return the best: (low, high, mistakes).

    Only places halfway between two neighbouring lengths are tried: moving a threshold
    inside such a gap changes the name of no flower. Of equals the first one wins.
    Shapes: petal_length and labels are (B,).
    """
    lengths = sorted(set(petal_length.tolist()))
    if len(lengths) < 2:
        raise ValueError(
            "all flowers have the same petal length: a threshold needs two lengths"
        )
    halfway = [(shorter + longer) / 2 for shorter, longer in pairwise(lengths)]
    best = (halfway[0], halfway[0], len(labels) + 1)
    for low in halfway:
        for high in halfway:
            if high < low:
                continue
            predicted = classify_by_thresholds(petal_length, low, high)
            mistakes = count_mistakes(predicted, labels)
            if mistakes < best[2]:
                best = (low, high, mistakes)
    return best


class IrisNet(nn.Module):
    """Four lengths in, three scores out, and a hidden layer between: 4-16-3.

    Parameters: 4 x 16 weights + 16 biases, then 16 x 3 weights + 3 biases: 131.
    The lengths go in as they are, in cm: none is above 8, so they need no scaling.
    """

    def __init__(self, hidden_dim: int = 16) -> None:
        super().__init__()
        self.hidden = nn.Linear(len(FEATURES), hidden_dim)
        self.output = nn.Linear(hidden_dim, len(SPECIES))

    def forward(self, features: Tensor) -> Tensor:
        """Score the species; the highest score wins.

        Shapes: features (B, 4) in cm, the result (B, 3).
        """
        # Without relu (negative becomes 0), two layers could do no more than one.
        hidden = torch.relu(self.hidden(features))  # (B, 16)
        return self.output(hidden)


def train_classifier(
    features: Tensor,
    labels: Tensor,
    num_steps: int = 200,
    learning_rate: float = 0.02,
    seed: int = 0,
    after_step: Callable[[int, IrisNet], None] | None = None,
) -> tuple[IrisNet, list[float]]:
    """Train a new `IrisNet` on all flowers at once.

    Returns the net and its loss (nats) before each step. The seed draws the numbers
    that the net starts from, and no chance besides. `after_step(step, model)` is called
    before the first step (as step 0) and after each: the place to measure what else you
    want to plot.
    Shapes: features (B, 4) in cm, labels (B,) with places in `SPECIES`.
    """
    with torch.random.fork_rng(devices=[]):  # after it chance goes on as before
        torch.manual_seed(seed)
        model = IrisNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    losses = []
    if after_step:
        after_step(0, model)
    for step in range(1, num_steps + 1):
        loss = F.cross_entropy(model(features), labels)  # forward: how surprised is it?
        optimizer.zero_grad()
        loss.backward()  # backward: which way is uphill, for every parameter?
        optimizer.step()  # step: a little way downhill
        losses.append(loss.item())
        if after_step:
            after_step(step, model)
    return model, losses


def accuracy(model: nn.Module, features: Tensor, labels: Tensor) -> float:
    """The share of flowers, 0 to 1, whose highest score is the right species.

    Shapes: features (B, 4) in cm, labels (B,).
    """
    with torch.no_grad():
        predicted = model(features).argmax(dim=-1)
    return 1 - count_mistakes(predicted, labels) / len(labels)


def cross_validate(
    features: Tensor,
    labels: Tensor,
    num_folds: int = 5,
    num_repeats: int = 10,
    seed: int = 0,
    num_steps: int = 200,
    learning_rate: float = 0.02,
) -> Tensor:
    """Train on all folds but one and test on that one, until each was the test; repeat.

    Returns the accuracies, shape (num_repeats, num_folds). Each fold has its fair share
    of every species ("stratified"). The seed draws the folds, anew for each repeat, and
    the numbers that each net starts from.
    """
    # Here, since it takes seconds to load, and no other part of the package needs it.
    from sklearn.model_selection import RepeatedStratifiedKFold

    folds = RepeatedStratifiedKFold(
        n_splits=num_folds, n_repeats=num_repeats, random_state=seed
    )
    accuracies = []
    splits = folds.split(features.numpy(), labels.numpy())
    for i, (training, held_out) in enumerate(splits):
        model, _ = train_classifier(
            features[training], labels[training], num_steps, learning_rate, seed + i
        )
        accuracies.append(accuracy(model, features[held_out], labels[held_out]))
    return torch.tensor(accuracies, dtype=torch.float64).view(num_repeats, num_folds)


def corrected_interval(
    accuracies: Tensor, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval (low, high) for the mean of cross-validated accuracies.

    Any two trainings share most of their flowers, so their accuracies depend on each
    other, and the usual interval, mean ± t sqrt(s² / n), is too narrow. The corrected
    one adds the overlap to 1/n:

        mean ± t sqrt((1/n + held_out/training) s²)

    with n = R K accuracies, s² their variance (divided by n - 1), t the quantile of
    Student's distribution with n - 1 degrees of freedom, and held_out/training =
    1/(K - 1), the ratio of a split's sizes. Accuracies end at 0 and 1; so does this.

    Shape: accuracies (R, K), as `cross_validate` returns them.
    Source: Nadeau & Bengio 2003, "Inference for the Generalization Error"; for repeated
    folds Bouckaert & Frank 2004.
    """
    from scipy import stats  # here for the same reason

    if accuracies.dim() != 2 or accuracies.shape[1] < 2:
        raise ValueError(
            f"the accuracies have shape {tuple(accuracies.shape)}: "
            "give (repeats, folds), two folds or more"
        )
    if not 0 < confidence < 1:
        raise ValueError(
            f"the confidence is {confidence}: give a share between 0 and 1"
        )
    n, num_folds = accuracies.numel(), accuracies.shape[1]
    mean = accuracies.double().mean().item()
    variance = accuracies.double().var().item()
    t = float(stats.t.ppf((1 + confidence) / 2, df=n - 1))
    half_width: float = t * ((1 / n + 1 / (num_folds - 1)) * variance) ** 0.5
    return max(0.0, mean - half_width), min(1.0, mean + half_width)

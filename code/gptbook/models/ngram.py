"""Models that see a window: the last C letters, and nothing else."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Protocol, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.data.tokenizer import CharacterTokenizer


def context_windows(
    names: Iterable[str], tokenizer: CharacterTokenizer, context_length: int
) -> tuple[Tensor, Tensor]:
    """Every position of every name: the C tokens before it, and the token that comes.

    A name of L letters has L + 1 positions, because its end is one. Where fewer than C
    letters stand before, marks fill the left: models of every width see all positions.
    Shapes: contexts (P, C), targets (P,).
    Raises ValueError for a character without a token, or a negative context_length.
    """
    if context_length < 0:
        raise ValueError(f"context_length is {context_length}: give 0 or more letters")
    contexts, targets = [], []
    for name in names:
        tokens = [0] * context_length + tokenizer.encode(name) + [0]
        for place in range(context_length, len(tokens)):
            contexts.append(tokens[place - context_length : place])
            targets.append(tokens[place])
    shape = (len(targets), context_length)
    return torch.tensor(contexts, dtype=torch.long).reshape(shape), torch.tensor(
        targets
    )


def count_pairs(names: Iterable[str], tokenizer: CharacterTokenizer) -> Tensor:
    """How often each token (column) comes right after each token (row).

    Shape: (V, V); row 0 and column 0 are the mark.
    Raises ValueError if a name has a character without a token.
    """
    counts = [[0] * tokenizer.vocab_size for _ in range(tokenizer.vocab_size)]
    for name in names:
        tokens = [0, *tokenizer.encode(name), 0]
        for before, after in pairwise(tokens):
            counts[before][after] += 1
    return torch.tensor(counts)


def context_keys(contexts: Tensor, vocab_size: int) -> Tensor:
    """One number for each context: its tokens, read as the digits of a number.

    Shapes: contexts (B, C), the result (B,).
    Raises ValueError if the number could need more than 64 bits.
    """
    length = contexts.shape[1]
    if vocab_size**length >= 2**63:
        raise ValueError(
            f"{length} tokens out of {vocab_size} do not fit in 64 bits: "
            "use a shorter context"
        )
    keys = torch.zeros(len(contexts), dtype=torch.long)
    for column in contexts.T:
        keys = keys * vocab_size + column
    return keys


def unique_contexts(
    contexts: Tensor, targets: Tensor, vocab_size: int
) -> tuple[Tensor, Tensor]:
    """The different contexts, sorted, and how often each token followed them.

    Shapes: contexts (P, C) and targets (P,) become contexts (U, C) and counts (U, V).
    """
    keys, rows = context_keys(contexts, vocab_size).unique(return_inverse=True)
    counts = torch.zeros(len(keys), vocab_size)
    counts.index_put_((rows, targets), torch.ones(len(rows)), accumulate=True)
    unique = torch.zeros(len(keys), contexts.shape[1], dtype=torch.long)
    unique[rows] = contexts  # all positions of a row write the same
    return unique, counts


class NextTokenModel(Protocol):
    """What counts and nets share: they say how probable each next token is."""

    def probabilities(self, contexts: Tensor) -> Tensor:
        """Shapes: contexts (B, C), the result (B, V); each row sums to 1."""
        ...


class NgramCounts:
    """Predicts with the counts of what followed the same context in the training names.

    What was never seen must not get probability 0: a little is taken off every count.
    What that frees is shared out as the next shorter context says, and what is freed
    there as the one below says, down to the uniform guess. A shorter context is not
    asked *how often* a letter followed it, but after how many *different* letters in
    front: if "rk" comes nearly always in "york", it says little about other names.
    This is interpolated, modified Kneser-Ney smoothing.
    Source: Kneser and Ney 1995; Chen and Goodman 1999, section 3.
    """

    def __init__(self, context_length: int, vocab_size: int) -> None:
        """Nothing is counted yet. Raises ValueError if context_length is negative."""
        if context_length < 0:
            raise ValueError(
                f"context_length is {context_length}: give 0 or more letters"
            )
        self.context_length = context_length
        self.vocab_size = vocab_size
        # For each length 0, 1, ..., C: the keys of the contexts that were seen, sorted
        # (U,), each token's share of what is left of their counts (U, V), and the share
        # that was freed (U, 1).
        self.levels: list[tuple[Tensor, Tensor, Tensor]] = []

    def fit(self, contexts: Tensor, targets: Tensor) -> Self:
        """Count what follows what. Shapes: contexts (P, C), targets (P,).

        Raises ValueError if there is no position, or the contexts have another length.
        """
        check_length(contexts, self.context_length)
        if len(targets) == 0:
            raise ValueError("there is nothing to count: give at least one name")
        base = self.vocab_size
        # A gram is a context and the token that followed, as one number.
        grams = context_keys(torch.cat([contexts, targets[:, None]], dim=1), base)
        grams, times = grams.unique(return_counts=True)
        self.levels = []
        for length in range(self.context_length, -1, -1):
            # Two marks in front say no more than one. Such a context would repeat the
            # next shorter one, so this level leaves it to that one.
            counted = grams >= base ** (length - 1) if length > 1 else grams >= 0
            self.levels.insert(0, self.discounted(grams[counted], times[counted]))
            # Without its first token a gram is shorter; `different` ones were in front.
            grams, rows, different = (grams % base**length).unique(
                return_inverse=True, return_counts=True
            )
            often = torch.zeros_like(grams).index_add_(0, rows, times)
            # In front of a name's first letter stands a mark, and nothing else could:
            # for contexts that reach the start, how often is the better question.
            at_start = grams < base ** (length - 1) if length > 1 else grams < 0
            times = torch.where(at_start, often, different)
        return self

    def discounted(self, grams: Tensor, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A level of the model, out of its grams and their counts (both (G,))."""
        keys, rows = (grams // self.vocab_size).unique(return_inverse=True)
        taken = discounts(times)[times.clamp(max=3) - 1]
        left = torch.zeros(len(keys), self.vocab_size, dtype=torch.float64)
        left[rows, grams % self.vocab_size] = times - taken
        freed = torch.zeros(len(keys), dtype=torch.float64).index_add_(0, rows, taken)
        totals = left.sum(dim=1) + freed
        return keys, left / totals[:, None], (freed / totals)[:, None]

    def probabilities(self, contexts: Tensor) -> Tensor:
        """What comes next. Shapes: contexts (B, C), the result (B, V).

        Every row sums to 1 and has no 0. Raises ValueError before anything was counted.
        """
        check_length(contexts, self.context_length)
        if not self.levels:
            raise ValueError("nothing has been counted yet: call fit first")
        shape = (len(contexts), self.vocab_size)
        result = torch.full(shape, 1 / self.vocab_size, dtype=torch.float64)
        wanted = torch.zeros(len(contexts), dtype=torch.long)  # the key of no context
        for length, (keys, left, freed) in enumerate(self.levels):
            if length > 0:  # one letter more, in front
                wanted = wanted + contexts[:, -length] * self.vocab_size ** (length - 1)
            if len(keys) == 0:  # no training name is long enough for this level
                break
            rows = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
            seen = (keys[rows] == wanted)[:, None]  # an unseen context has no say
            result = torch.where(seen, left[rows] + freed[rows] * result, result)
        return result


def check_length(contexts: Tensor, context_length: int) -> None:
    """Raise ValueError if the contexts do not have this length."""
    if contexts.shape[1] != context_length:
        raise ValueError(
            f"the contexts are {contexts.shape[1]} tokens long: "
            f"this model takes {context_length}"
        )


def discounts(counts: Tensor) -> Tensor:
    """How much to take off a count of 1, of 2, and of 3 or more, to pay for the unseen.

    How many counts are 1, 2, 3 and 4 decides: where many came once, many more are still
    to come. In a list too short for the formula, all counts lose the same.
    Shapes: counts (G,), the result (3,).
    Source: Chen and Goodman 1999, equation 17; for short lists, Ney and others 1994.
    """
    n1, n2, n3, n4 = (int((counts == number).sum()) for number in (1, 2, 3, 4))
    for_all = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
    if n1 and n2 and n3 and n4:
        three = [
            1 - 2 * for_all * n2 / n1,
            2 - 3 * for_all * n3 / n2,
            3 - 4 * for_all * n4 / n3,
        ]
        if all(0 < taken < number for number, taken in enumerate(three, start=1)):
            return torch.tensor(three, dtype=torch.float64)
    return torch.full((3,), for_all, dtype=torch.float64)


class NgramNet(nn.Module):
    """Learns to predict from the last C letters: a vector for each, joined, two layers.

    With one letter of context it is a bigram net, with two a trigram net: only the
    width of the first layer changes.
    Source: Bengio and others 2003 (without their direct connections).
    """

    def __init__(
        self,
        vocab_size: int,
        context_length: int,
        embedding_dim: int = 128,
        hidden_dim: int = 256,
        dropout: float = 0.0,
    ) -> None:
        """Make an untrained net. Raises ValueError for a size below 1.

        dropout is the share of the first layer's results that a training step leaves
        out, by chance, so that the net leans on no single one. Predictions use all.
        """
        super().__init__()
        for size in (vocab_size, context_length, embedding_dim, hidden_dim):
            if size < 1:
                raise ValueError(f"a size of the net is {size}: give 1 or more to each")
        self.vocab_size = vocab_size
        self.context_length = context_length
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.dropout = nn.Dropout(dropout)
        self.first = nn.Linear(context_length * embedding_dim, hidden_dim)
        self.second = nn.Linear(hidden_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, vocab_size)
        # With zeros here all logits start at 0, each token at 1/V, the loss at ln V.
        # Random numbers make a net sure of wrong guesses, which it then has to unlearn.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.eval()  # ready to predict; training turns dropout on, and off again

    def forward(self, contexts: Tensor) -> Tensor:
        """Logits for what comes next. Shapes: contexts (B, C), the result (B, V)."""
        check_length(contexts, self.context_length)
        joined = self.embedding(contexts).flatten(start_dim=1)  # (B, C * embedding_dim)
        hidden = self.dropout(F.relu(self.first(joined)))  # (B, hidden_dim)
        hidden = F.relu(self.second(hidden))
        return self.output(hidden)

    @torch.no_grad()
    def probabilities(self, contexts: Tensor) -> Tensor:
        """What comes next. Shapes: contexts (B, C), the result (B, V)."""
        return self(contexts).double().softmax(dim=-1)  # double: none rounds to 0


class WindowModel(nn.Module):
    """A net of windows, asked at every position of a sequence."""

    def __init__(self, net: NgramNet) -> None:
        """The net decides how wide the window is."""
        super().__init__()
        self.net = net

    def forward(self, tokens: Tensor) -> Tensor:
        """Score the next token. Shapes: tokens (B, T), the result (B, T, V)."""
        width = self.net.context_length
        filled = F.pad(
            tokens, (width - 1, 0)
        )  # marks in front, as in `context_windows`
        windows = filled.unfold(1, width, 1)  # (B, T, C)
        logits = self.net(windows.flatten(end_dim=1))  # (B * T, V)
        return logits.unflatten(0, tokens.shape)

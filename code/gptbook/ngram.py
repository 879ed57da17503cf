"""Models that see a window: the last C letters and nothing else. One counts, one learns."""

from collections.abc import Iterable
from typing import Protocol, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gptbook.tokenizer import CharacterTokenizer


def context_windows(
    names: Iterable[str], tokenizer: CharacterTokenizer, context_length: int
) -> tuple[Tensor, Tensor]:
    """Every position of every name: the C tokens before it, and the token that comes.

    A name of L letters has L + 1 positions, its end included. Where fewer than C letters have been written, marks
    (token 0) fill the left, so that models of every width are scored on the same positions.
    Shapes: contexts (P, C) and targets (P,), both whole numbers.
    Raises ValueError if a name has a character without a token, or context_length is negative.
    """
    if context_length < 0:
        raise ValueError(f"context_length is {context_length}: give 0 or more letters")
    windows, targets = [], []
    for name in names:
        tokens = [0] * context_length + tokenizer.encode(name) + [0]
        for place in range(context_length, len(tokens)):
            windows.append(tokens[place - context_length : place])
            targets.append(tokens[place])
    return torch.tensor(windows, dtype=torch.long).reshape(len(targets), context_length), torch.tensor(targets)


def count_pairs(names: Iterable[str], tokenizer: CharacterTokenizer) -> Tensor:
    """How often each letter (column) comes after each other (row); row and column 0 are the mark.

    Shape: (V, V). Raises ValueError if a name has a character without a token.
    """
    counts = [[0] * tokenizer.vocab_size for _ in range(tokenizer.vocab_size)]  # a list is faster to add to than a tensor
    for name in names:
        tokens = [0, *tokenizer.encode(name), 0]
        for before, after in zip(tokens, tokens[1:]):
            counts[before][after] += 1
    return torch.tensor(counts)


def context_keys(contexts: Tensor, vocab_size: int) -> Tensor:
    """One whole number for each context: its tokens read as the digits of a number in base V.

    Shapes: contexts (..., C), the result (...). Raises ValueError if such a number would not fit in 64 bits.
    """
    length = contexts.shape[-1]
    if vocab_size**length >= 2**63:
        raise ValueError(f"{length} tokens out of {vocab_size} do not fit in 64 bits: use a shorter context")
    keys = torch.zeros(contexts.shape[:-1], dtype=torch.long)
    for place in range(length):
        keys = keys * vocab_size + contexts[..., place]
    return keys


def unique_contexts(contexts: Tensor, targets: Tensor, vocab_size: int) -> tuple[Tensor, Tensor]:
    """The different contexts, sorted, and how often each token followed each.

    Shapes: contexts (P, C) and targets (P,) become contexts (U, C) and counts (U, V).
    """
    keys, rows = context_keys(contexts, vocab_size).unique(return_inverse=True)
    counts = torch.zeros(len(keys), vocab_size)
    counts.index_put_((rows, targets), torch.ones(len(targets)), accumulate=True)
    first = torch.empty(len(keys), dtype=torch.long).scatter_(0, rows, torch.arange(len(rows)))  # any place of each
    return contexts[first], counts


def discounts(counts: Tensor) -> Tensor:
    """What to take off counts of 1, of 2, and of 3 and more, to pay for what was never seen.

    They follow from how many counts are 1, 2, 3 and 4: many ones mean that many more combinations are still to come.
    In a list so short that one of the four is missing, or the formula leaves its bounds, one discount serves all.
    Shape: counts (any), the result (3,). Source: Chen and Goodman 1999, eq. 17 (the fall-back is eq. 10).
    """
    n1, n2, n3, n4 = (int((counts == number).sum()) for number in (1, 2, 3, 4))
    single = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
    if n1 and n2 and n3 and n4:
        three = [1 - 2 * single * n2 / n1, 2 - 3 * single * n3 / n2, 3 - 4 * single * n4 / n3]
        if all(0 < discount < number for discount, number in zip(three, (1, 2, 3))):
            return torch.tensor(three, dtype=torch.float64)
    return torch.full((3,), single, dtype=torch.float64)


class NextTokenModel(Protocol):
    """Anything that says how probable each next token is: counts and nets alike."""

    def probabilities(self, contexts: Tensor) -> Tensor:
        """Shapes: contexts (B, C), the result (B, V); each row sums to 1."""
        ...


class NgramCounts:
    """Predicts by counting what followed the same context, and falls back on shorter contexts for what is missing.

    Interpolated modified Kneser-Ney smoothing: a little is taken off every count (see `discounts`), and what that
    frees is shared out as the next shorter context says; below "no context at all" lies the uniform guess, so that no
    probability is 0. A shorter context is not asked how *often* a token followed but in how many different
    longer contexts it did: "rk" may be frequent, but if nearly all of it is "york", it says little about new names.
    Source: Kneser and Ney 1995; Chen and Goodman 1999, section 3.
    """

    def __init__(self, context_length: int, vocab_size: int) -> None:
        """Raises ValueError if context_length is negative, or too long for 64-bit keys."""
        if context_length < 0:
            raise ValueError(f"context_length is {context_length}: give 0 or more letters")
        if vocab_size ** (context_length + 1) >= 2**63:
            raise ValueError(f"{context_length} letters out of {vocab_size} do not fit in 64 bits: use a shorter context")
        self.context_length = context_length
        self.vocab_size = vocab_size
        # For each length 0, 1, ..., C: the keys of the contexts seen, sorted (U,); what is left of each count as a share of
        # its row (U, V); and the share that was taken off (U, 1).
        self.levels: list[tuple[Tensor, Tensor, Tensor]] = []

    def fit(self, contexts: Tensor, targets: Tensor) -> Self:
        """Count. Shapes: contexts (P, C), targets (P,). Raises ValueError if there is nothing to count."""
        if contexts.shape[-1] != self.context_length or len(targets) == 0:
            raise ValueError(
                f"fit got {tuple(contexts.shape)} contexts: it needs one or more rows of {self.context_length} tokens"
            )
        base = self.vocab_size
        # A gram is a context with the token that followed, as one number. `times` is how often each different one occurs.
        grams, times = context_keys(torch.cat([contexts, targets[:, None]], dim=1), base).unique(return_counts=True)
        self.levels = []
        for length in range(self.context_length, -1, -1):
            # Two marks in front say no more than one. Such a context would only repeat the next shorter one, so it is not
            # counted at this length, and `probabilities` falls through to the shorter one.
            counted = grams >= base ** (length - 1) if length > 1 else grams >= 0
            self.levels.insert(0, self._discounted(grams[counted], times[counted]))
            # The next shorter grams, without the first token; `different` is how many first tokens each one had.
            grams, rows, different = (grams % base**length).unique(return_inverse=True, return_counts=True)
            often = torch.zeros_like(grams).index_add_(0, rows, times)
            # Before a name's start there is always a mark: nothing could differ there, so there `often` is the right count.
            from_start = grams < base ** (length - 1) if length > 1 else grams < 0
            times = torch.where(from_start, often, different)
        return self

    def _discounted(self, grams: Tensor, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One level: keys (U,), shares that are left (U, V), shares that were taken off (U, 1)."""
        keys, rows = (grams // self.vocab_size).unique(return_inverse=True)
        taken = discounts(times)[times.clamp(max=3) - 1]
        left = torch.zeros(len(keys), self.vocab_size, dtype=torch.float64)
        left[rows, grams % self.vocab_size] = times - taken
        freed = torch.zeros(len(keys), 1, dtype=torch.float64).index_add_(0, rows, taken[:, None])
        totals = left.sum(dim=1, keepdim=True) + freed
        return keys, left / totals, freed / totals

    def probabilities(self, contexts: Tensor) -> Tensor:
        """What comes next. Shapes: contexts (B, C), the result (B, V); each row sums to 1 and has no 0.

        Raises ValueError if the contexts are not C tokens long or nothing has been counted yet.
        """
        if not self.levels:
            raise ValueError("nothing has been counted yet: call fit first")
        if contexts.shape[-1] != self.context_length:
            raise ValueError(f"contexts are {contexts.shape[-1]} tokens long: this model counted {self.context_length}")
        result = torch.full((len(contexts), self.vocab_size), 1 / self.vocab_size, dtype=torch.float64)
        for length, (keys, left, freed) in enumerate(self.levels):  # from no context to the whole one
            if len(keys) == 0:  # in a list of very short names, no context is this long
                continue
            wanted = context_keys(contexts[:, self.context_length - length :], self.vocab_size)
            rows = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
            known = (keys[rows] == wanted)[:, None]  # an unknown context adds nothing
            result = torch.where(known, left[rows] + freed[rows] * result, result)
        return result


class NgramNet(nn.Module):
    """Predicts from the last C letters with a small net: look up a vector for each letter, join them, two hidden layers.

    With one letter of context it is a bigram net, with two a trigram net; nothing else changes.
    Source: Bengio et al. 2003 (without its direct connections).
    """

    def __init__(self, vocab_size: int, context_length: int, embedding_dim: int = 128, hidden_dim: int = 256) -> None:
        """Raises ValueError if a size is below 1."""
        super().__init__()
        sizes = {
            "vocab_size": vocab_size,
            "context_length": context_length,
            "embedding_dim": embedding_dim,
            "hidden_dim": hidden_dim,
        }
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} is {size}: give 1 or more")
        self.vocab_size = vocab_size
        self.context_length = context_length
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.first = nn.Linear(context_length * embedding_dim, hidden_dim)
        self.second = nn.Linear(hidden_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, vocab_size)
        # With zeros here all logits start at 0: every token gets 1/V, and the loss starts at ln V. A net that knows nothing
        # should claim nothing; a random last layer is sure of the wrong things, and the first steps go into unlearning them.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, contexts: Tensor) -> Tensor:
        """Logits for what comes next. Shapes: contexts (B, C), the result (B, V)."""
        if contexts.shape[-1] != self.context_length:
            raise ValueError(f"contexts are {contexts.shape[-1]} tokens long: this net reads {self.context_length}")
        vectors = self.embedding(contexts).flatten(start_dim=-2)  # (B, C * embedding_dim)
        hidden = F.relu(self.second(F.relu(self.first(vectors))))  # (B, hidden_dim)
        logits: Tensor = self.output(hidden)
        return logits

    @torch.no_grad()
    def probabilities(self, contexts: Tensor) -> Tensor:
        """What comes next. Shapes: contexts (B, C), the result (B, V); each row sums to 1."""
        return self(contexts).double().softmax(dim=-1)

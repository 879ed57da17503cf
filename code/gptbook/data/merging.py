"""The idea of byte-pair encoding: cut a text into words, merge the commonest pairs."""

import heapq
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import pairwise

import regex

GAP = -1  # between two words: no piece
WORD_PATTERN = (  # GPT-2's; a space belongs to the word after it
    r"'s|'t|'re|'ve|'m|'ll|'d"
    r"| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)


def split_words(text: str) -> list[str]:
    """Cut a text into words, numbers, signs and spaces; together they are the text.

    No token reaches over a cut, or every common phrase would become one.
    Source: Radford et al. 2019, as OpenAI's `encoder.py` has it.
    """
    return regex.findall(WORD_PATTERN, text)


def utf8(text: str) -> bytes:
    """The bytes of a text in UTF-8: one for a letter a-z, up to four for others.

    Raises ValueError, which says where, for half of a surrogate pair: that is no text.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"character {error.start + 1} of the text, {text[error.start]!a}, "
            "is half of a surrogate pair: leave it out or replace it"
        ) from None


def single_bytes(text: str) -> list[bytes]:
    """The bytes of a text, one by one: the pieces from which merging begins."""
    return [bytes([byte]) for byte in utf8(text)]


def merge_pair(pieces: Sequence[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """Join the two pieces of the pair, wherever they stand side by side.

    >>> merge_pair([b"b", b"a", b"n", b"a", b"n", b"a"], (b"a", b"n"))
    [b'b', b'an', b'an', b'a']
    """
    first, second = pair
    merged: list[bytes] = []
    for piece in pieces:
        if piece == second and merged and merged[-1] == first:
            merged[-1] = first + second
        else:
            merged.append(piece)
    return merged


@cache
def byte_symbols() -> dict[bytes, str]:
    """The character that stands for each byte in GPT-2's files, in the order of ids.

    Bytes that print as themselves come first; then the rest, as characters from 256.
    """
    printing = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    symbols = {bytes([byte]): chr(byte) for byte in printing}
    for byte in range(256):
        symbols.setdefault(bytes([byte]), chr(256 + len(symbols) - len(printing)))
    return symbols


def in_symbols(token: bytes) -> str:
    """A token as GPT-2's files write it: the space before a word is a "Ġ" there."""
    symbols = byte_symbols()
    return "".join(symbols[bytes([byte])] for byte in token)


class Chain:
    """Pieces in a row, of which two neighbours can be joined without moving the rest.

    A piece is a number, and stands where it begins; `GAP` is what no piece goes over.
    Each joining takes the same few steps, however long the row is.
    """

    def __init__(self, pieces: Sequence[int]) -> None:
        """A row, with a gap in front and behind."""
        self.pieces = array("i", [GAP, *pieces, GAP])
        self.after = array("i", range(1, len(pieces) + 3))  # where the next one begins
        self.before = array("i", range(-1, len(pieces) + 1))

    def pairs(self) -> Iterator[tuple[int, tuple[int, int]]]:
        """Each place where two pieces stand side by side, and the two."""
        for place, pair in enumerate(pairwise(self.pieces)):
            if GAP not in pair:
                yield place, pair

    def holds(self, place: int, pair: tuple[int, int]) -> bool:
        """Whether the pair still stands there."""
        pieces = self.pieces
        return pieces[place] == pair[0] and pieces[self.after[place]] == pair[1]

    def join(self, place: int, new: int) -> None:
        """Put one piece there in the place of two."""
        second = self.after[place]
        third = self.after[second]
        self.pieces[place], self.pieces[second] = new, GAP
        self.after[place], self.before[third] = third, place


def learn_merges(
    words: Mapping[str, int],
    num_merges: int,
    on_merge: Callable[[bytes, int], None] | None = None,
) -> list[tuple[bytes, bytes]]:
    """Join the commonest pair of pieces, again and again, until no word has a pair.

    words says how often each word occurs. Of pairs that are equally common, the one
    with the smaller ids wins. After each merge, on_merge gets the new piece and its
    count.

    Instead of counting anew each time, it knows at which places a pair stands, and
    corrects the counts of their neighbours. All words are one chain, with gaps.
    """
    tokens = list(byte_symbols())  # by their ids
    ids = {piece: number for number, piece in enumerate(tokens)}
    spelled: list[int] = []
    times = [0]  # how often the word occurs that stands at a place
    for word, count in words.items():
        spelled += [*(ids[piece] for piece in single_bytes(word)), GAP]
        times += [count] * (len(spelled) + 1 - len(times))
    chain = Chain(spelled)
    counts: defaultdict[tuple[int, int], int] = defaultdict(int)
    places: defaultdict[tuple[int, int], array[int]] = defaultdict(partial(array, "i"))
    for place, pair in chain.pairs():
        counts[pair] += times[place]
        places[pair].append(place)
    # the commonest on top; a count may be too high by now, and is checked at its turn
    queue = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(queue)
    merges: list[tuple[bytes, bytes]] = []
    while queue and len(merges) < num_merges:
        minus_count, pair = heapq.heappop(queue)
        count = counts[pair]
        if count < -minus_count:
            if count > 0:
                heapq.heappush(queue, (-count, pair))
            continue
        first, second = pair
        new = len(tokens)
        tokens.append(tokens[first] + tokens[second])
        merges.append((tokens[first], tokens[second]))
        if on_merge:
            on_merge(tokens[new], count)
        changed: set[tuple[int, int]] = set()
        for place in places.pop(pair):  # from left to right, as they were found
            if not chain.holds(place, pair):
                continue
            left = chain.before[place]
            right = chain.after[chain.after[place]]
            chain.join(place, new)
            counts[pair] -= times[place]
            if (piece := chain.pieces[left]) != GAP:
                counts[piece, first] -= times[place]
                counts[piece, new] += times[place]
                places[piece, new].append(left)
                changed.add((piece, new))
            if (piece := chain.pieces[right]) != GAP:
                counts[second, piece] -= times[place]
                counts[new, piece] += times[place]
                places[new, piece].append(place)
                changed.add((new, piece))
        for pair in changed:
            if counts[pair] > 0:  # or it went as it came: the next place took a piece
                heapq.heappush(queue, (-counts[pair], pair))
    return merges


def merge_in_order(
    pieces: Sequence[int], merged: Mapping[tuple[int, int], int]
) -> list[int]:
    """Join pairs, the one with the smallest new number first, until none is left.

    merged has the number of what two make; it is larger than theirs. So what is joined
    opens no pair that should have come before, and of equal ones the left comes first.
    """
    chain = Chain(pieces)
    queue = [
        (merged[pair], place, pair) for place, pair in chain.pairs() if pair in merged
    ]
    heapq.heapify(queue)
    while queue:
        new, place, pair = heapq.heappop(queue)
        if not chain.holds(place, pair):
            continue
        chain.join(place, new)
        for start in (chain.before[place], place):
            pair = chain.pieces[start], chain.pieces[chain.after[start]]
            if pair in merged:
                heapq.heappush(queue, (merged[pair], start, pair))
    return [piece for piece in chain.pieces if piece != GAP]

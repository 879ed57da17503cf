"""The idea of byte-pair encoding: cut a text into words, merge the commonest pairs."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise

import regex

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


def learn_merges(
    words: Mapping[str, int],
    num_merges: int,
    on_merge: Callable[[bytes, int], None] | None = None,
) -> list[tuple[bytes, bytes]]:
    """Join the commonest pair of pieces, again and again, until no word has a pair.

    words says how often each word occurs. Of pairs that are equally common, the one
    with the smaller ids wins. After each merge, on_merge gets the new piece and its
    count.

    Instead of counting anew each time, it knows in which words a pair stands, and
    corrects the counts there.
    """
    ids = {piece: number for number, piece in enumerate(byte_symbols())}
    spelled = [single_bytes(word) for word in words]
    times = list(words.values())
    counts: Counter[tuple[bytes, bytes]] = Counter()
    places: defaultdict[tuple[bytes, bytes], set[int]] = defaultdict(set)
    for place, pieces in enumerate(spelled):
        for pair in pairwise(pieces):
            counts[pair] += times[place]
            places[pair].add(place)
    # the commonest on top; a count may be too high by now, and is checked at its turn
    queue = [(-n, ids[a], ids[b], (a, b)) for (a, b), n in counts.items()]
    heapq.heapify(queue)
    merges: list[tuple[bytes, bytes]] = []
    while queue and len(merges) < num_merges:
        minus_count, left, right, pair = heapq.heappop(queue)
        count = counts[pair]
        if count < -minus_count:
            if count > 0:
                heapq.heappush(queue, (-count, left, right, pair))
            continue
        new = pair[0] + pair[1]
        ids.setdefault(new, len(ids))
        merges.append(pair)
        if on_merge:
            on_merge(new, count)
        changed: set[tuple[bytes, bytes]] = set()
        for place in places.pop(pair):
            before = spelled[place]
            after = merge_pair(before, pair)
            spelled[place] = after
            for old_pair in pairwise(before):
                counts[old_pair] -= times[place]
            for new_pair in pairwise(after):
                counts[new_pair] += times[place]
                if new in new_pair:
                    places[new_pair].add(place)
                    changed.add(new_pair)
        for a, b in changed:
            heapq.heappush(queue, (-counts[a, b], ids[a], ids[b], (a, b)))
    return merges

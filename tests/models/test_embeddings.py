"""What embeddings learn from is counted right, and the nearest rows are the nearest."""

import math

import pytest
import torch

from gptbook.models.embeddings import cosine, nearest_rows, neighbour_counts


def test_neighbours_are_counted_on_both_sides_and_never_across_two_texts() -> None:
    counts = neighbour_counts([[0, 1, 2], [2, 0]], vocab_size=4, reach=1)
    assert counts.tolist() == [[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    assert torch.equal(counts, counts.T)


def test_a_wider_reach_counts_as_a_loop_over_all_pairs_does() -> None:
    generator = torch.Generator().manual_seed(0)
    texts = [torch.randint(7, (length,), generator=generator).tolist() for length in (1, 2, 9, 40, 0, 3)]
    for reach in (1, 2, 3, 10):
        expected = torch.zeros(7, 7, dtype=torch.long)
        for text in texts:
            for place, token in enumerate(text):
                for other in range(max(0, place - reach), min(len(text), place + reach + 1)):
                    expected[token, text[other]] += other != place
        assert torch.equal(neighbour_counts(texts, 7, reach), expected)


def test_no_text_has_no_neighbours() -> None:
    assert neighbour_counts([], vocab_size=3, reach=2).sum() == 0
    assert neighbour_counts([[], [1]], vocab_size=3, reach=2).sum() == 0


@pytest.mark.parametrize(
    ("texts", "reach", "said"),
    [
        ([[0, 3]], 1, "outside 0 to 2"),
        ([[0, -2]], 1, "outside 0 to 2"),
        ([[0, -1, 1]], 1, "token -1"),
        ([[0]], 0, "reach is 0: give 1"),
    ],
)
def test_what_cannot_be_counted_is_refused_in_a_sentence(texts: list[list[int]], reach: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        neighbour_counts(texts, vocab_size=3, reach=reach)


def test_cosine_is_the_cosine_of_the_angle_whatever_the_lengths() -> None:
    angles = torch.tensor([0.0, 30.0, 90.0, 180.0]).deg2rad()
    rows = torch.stack([angles.cos(), angles.sin()], dim=1) * torch.tensor([[1.0], [5.0], [0.1], [2.0]])
    expected = torch.tensor([1.0, math.sqrt(3) / 2, 0.0, -1.0])
    torch.testing.assert_close(cosine(rows, torch.tensor([3.0, 0.0])), expected)
    torch.testing.assert_close(cosine(rows[1], torch.tensor([3.0, 0.0])), expected[1])


def test_a_row_of_zeros_has_no_cosine() -> None:
    with pytest.raises(ValueError, match="points nowhere"):
        cosine(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([1.0, 0.0]))


def test_the_nearest_rows_come_in_order_and_without_the_row_itself() -> None:
    angles = torch.tensor([0.0, 50.0, 10.0, -30.0, 180.0]).deg2rad()
    table = torch.stack([angles.cos(), angles.sin()], dim=1)
    assert nearest_rows(table, 0, count=4) == [2, 3, 1, 4]
    assert nearest_rows(table, 0, count=1) == [2]
    table[3] = table[0]  # a copy is a neighbour; the row itself still is none
    assert nearest_rows(table, 0, count=2) == [3, 2]


def test_a_row_or_a_count_that_the_table_lacks_is_refused() -> None:
    for token in (-1, 3):
        with pytest.raises(ValueError, match=f"no row {token}: the rows are 0 to 2"):
            nearest_rows(torch.eye(3), token)
    for count in (0, 3):
        with pytest.raises(ValueError, match=f"count is {count}: the row has 1 to 2 others"):
            nearest_rows(torch.eye(3), 0, count)

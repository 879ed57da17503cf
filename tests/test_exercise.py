"""The check of an exercise speaks in one line and never stops the notebook."""

import pytest

from gptbook.exercise import exercise


def test_a_solved_exercise_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with exercise("Predict"):
        assert 1 + 1 == 2
    assert capsys.readouterr().out == "✓ Predict: solved\n"


def test_a_failed_check_prints_its_hint_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with exercise("Predict"):
        raise AssertionError("count on your fingers")  # a bare assert: pytest would add to the message
    assert capsys.readouterr().out == "✗ Predict: not yet. count on your fingers\n"


def test_a_check_without_a_hint_shows_what_does_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    guess = 1
    with exercise("Predict"):
        if guess != 2:
            raise AssertionError
    assert "not yet. This does not hold yet: raise AssertionError" in capsys.readouterr().out
    with exercise("Predict"):
        exec("assert guess == 2", {"guess": 1})  # Python has no source line to show here
    assert capsys.readouterr().out == "✗ Predict: not yet. A check does not hold yet.\n"


def test_a_starter_that_was_not_touched_asks_for_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    answer = "Put your own answer in place of the ... in the starter."
    with exercise("Change"):
        assert abs(... - 3.296) < 0.01  # type: ignore[operator]
    assert capsys.readouterr().out == f"✗ Change: not yet. {answer}\n"
    with exercise("Build"):
        raise NotImplementedError
    assert capsys.readouterr().out == f"✗ Build: not yet. {answer}\n"
    with exercise("Build"):
        raise NotImplementedError("write the loop")
    assert capsys.readouterr().out == "✗ Build: not yet. write the loop\n"


def test_an_error_in_the_answer_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with exercise("Build"):
        [][3]
    assert capsys.readouterr().out == "✗ Build: not yet. IndexError: list index out of range\n"
    with exercise("Build"):
        raise StopIteration
    assert capsys.readouterr().out == "✗ Build: not yet. Your code ended in StopIteration.\n"
    with exercise("Build"):
        guess  # type: ignore[name-defined]  # noqa: B018, F821
    assert "Name 'guess' is not defined: run the starter cell first" in capsys.readouterr().out


def test_stopping_by_hand_still_stops() -> None:
    with pytest.raises(KeyboardInterrupt), exercise("Build"):
        raise KeyboardInterrupt

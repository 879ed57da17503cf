import pytest

from bookbuild.drawings.mistake_curves import curves, ends
from gptbook.data.tables import read_record
from gptbook.experiments.mistakes import mistakes

SYMPTOMS = list(dict.fromkeys(mistake.symptom for mistake in mistakes().values()))


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_every_mistake_of_a_symptom_has_its_strip_with_the_records_numbers(symptom: str) -> None:
    drawn = curves(symptom)
    rows = {row["mistake"]: row for row in read_record("mistakes")["rows"]}
    for slug, mistake in mistakes().items():
        assert (f">{slug.replace('-', ' ').capitalize()}<" in drawn) == (mistake.symptom == symptom)
        if mistake.symptom == symptom:
            assert all(f">{name} {loss:.2f}<" in drawn for name, loss in ends(rows[slug]) if loss is not None)


def test_a_model_that_is_worth_less_than_it_reports_has_a_dot() -> None:
    honest = {"held_out_losses": [2.5], "training_losses": [2.4], "mistake": "", "fresh_loss": 2.55}
    assert [name for name, _ in ends(honest)] == ["held out", "training"]
    assert ("really", 9.0) in ends({**honest, "fresh_loss": 9.0})


def test_an_unknown_symptom_is_refused() -> None:
    with pytest.raises(ValueError, match="no mistake has the symptom"):
        curves("bored")

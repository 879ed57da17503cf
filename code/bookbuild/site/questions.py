"""A question on the page, to guess at before its answer is opened: in a box of its own, or in an exercise.

Without script it is the question and a folded answer. With script there is a field for a number, or the choices become
buttons; docs/assets/book.js says how good a guess was.
"""

from html import escape

from bookbuild.chapters.guess import Guess

OPENED = {
    "guess": '<div class="guess" role="group" aria-label="Guess first"><p class="guess-title">Guess first</p>',
    "answer": '<details class="guess-answer"><summary>Answer</summary>',
    "stated": '<div class="guess-stated">',
}
CLOSED = {"guess": "</div>", "answer": "</details>", "stated": "</div>", "choices": "</div>"}

SAID = '<p class="guess-said" role="status"></p>'


def box_markdown(guess: Guess, number: int) -> str:
    """The Markdown of the box; `number` is the place of its cell, where `field_html` finds it again."""
    return f"<!--open guess-->\n\n{field_markdown(guess, number)}\n\n{answer_markdown(guess)}\n\n<!--close guess-->"


def field_markdown(guess: Guess, number: int) -> str:
    """The question, and where the guess goes."""
    if not guess.choices:
        return f"{guess.question}\n\n<!--field {number}-->"
    return f"{guess.question}\n\n<!--field {number}-->\n\n{guess.listed}\n\n<!--close choices-->\n\n{SAID}"


def answer_markdown(guess: Guess) -> str:
    return (
        f"<!--open answer-->\n\n<!--open stated-->\n\n{guess.stated}\n\n<!--close stated-->\n\n"
        f"{guess.explanation}\n\n<!--close answer-->"
    )


def field_html(guess: Guess | None, *, exercise: bool = False) -> str:
    """What stands at the place of a `field`: a form for a number, or the opening tag of the choices."""
    if guess is None:
        raise ValueError("a field without a question")
    if guess.choices:
        return f'<div class="guess-choices" data-right="{guess.right}">'
    plain = guess.number.replace(",", "").replace("−", "-")
    within = guess.tolerance.replace(",", "") or "0"
    asked, button = ("answer", "Check") if exercise else ("guess", "Guess")
    unit = f" {escape(guess.unit)}" if guess.unit else ""
    return (
        f'<form class="guess-form" data-answer="{plain}" data-within="{within}" data-said="{escape(guess.stated)}">'
        f'<label>Your {asked} <input type="text" inputmode="decimal" autocomplete="off" size="8">{unit}</label>'
        f'<button type="submit">{button}</button></form>{SAID}'
    )

// Chapter 8: a sentence, the window that a model sees of it, and what it then takes for the stadium.
import { LivePiece, choice, el, number, select, slider } from "./piece.js";
import { reserve, wordsOf } from "./sentence.js";

const SHORTEST = 4; // words between club and stadium
const ROWS = 5;
const NET = 12; // the one model with learned weights; the others are tables

class Gap extends LivePiece {
  static title = "Which stadium?";
  static state = { club: "Manchester United", gap: 8, width: 8 };

  check({ club, gap, width }) {
    const { stadiums, sentences, guesses } = this.opening;
    const { defaults } = this;
    const longest = SHORTEST + sentences.length - 1;
    return {
      club: Object.hasOwn(stadiums, club) ? club : defaults.club,
      gap: Math.min(Math.max(Math.round(gap), SHORTEST), longest),
      width: Object.hasOwn(guesses, width) ? width : defaults.width,
    };
  }

  open({ stadiums, sentences, guesses }) {
    const clubs = Object.keys(stadiums);
    const longest = SHORTEST + sentences.length - 1;
    this.gap = slider({
      label: "Gap",
      min: SHORTEST,
      max: longest,
      step: 1,
      value: this.state.gap,
      format: (gap) => `${gap} words from club to stadium`,
      onInput: (gap) => this.set({ gap }),
    });
    this.width = choice({
      label: "Words it sees",
      options: Object.keys(guesses).map((width) => ({ value: Number(width), label: width })),
      onChange: (width) => this.set({ width }),
    });
    this.club = select({
      label: "Club",
      options: clubs,
      value: this.state.club,
      onChange: (club) => this.set({ club }),
    });
    this.words = el("p", { class: "sentence-words" });
    const tallest = reserve(sentences, clubs, (word) => el("span", { class: "gap-word" }, word));
    this.where = el("p", { class: "gap-where" });
    this.rows = Array.from({ length: ROWS }, () => [el("span"), el("div"), el("span", { class: "gap-share" })]);
    this.often = el("p", { class: "live-note gap-often" });
    this.append(
      el("div", { class: "sentence-stack" }, tallest, this.words),
      this.where,
      el("div", { class: "sentence-controls" }, this.gap.element, this.width.element, this.club.element),
      el("div", { class: "live-bars gap-bars" }, ...this.rows.flat()),
      this.often,
    );
  }

  show({ club, gap, width }) {
    const { stadiums, sentences, guesses, right, asked } = this.opening;
    this.gap.set(gap);
    this.width.set(width);
    this.club.set(club);
    const words = wordsOf(sentences[gap - SHORTEST], club);
    const cell = (word, place) => {
      const seen = place >= words.length - width;
      return el("span", { class: `gap-word${seen ? " seen" : ""}${word === club ? " club" : ""}` }, word);
    };
    const spaced = [...words.map(cell), el("span", { class: "gap-word asked" }, "?")].flatMap((word) => [word, " "]);
    this.words.replaceChildren(...spaced);

    // Beyond the window the clubs look all the same, and one answer is published for all.
    const answers = guesses[width][gap - SHORTEST];
    const shares = answers[answers.length > 1 ? Object.keys(stadiums).indexOf(club) : 0];
    const rows = Object.values(stadiums).map((stadium, place) => ({ stadium, share: shares[place] / 1000 }));
    rows.sort((a, b) => b.share - a.share);
    const [first] = rows;
    const place = rows.findIndex(({ stadium }) => stadium === stadiums[club]);
    if (place >= ROWS) rows[ROWS - 1] = rows[place]; // the right one is always to be seen
    const kind = width === NET ? "net" : "table";
    this.rows.forEach(([name, bar, share], row) => {
      const isRight = rows[row].stadium === stadiums[club];
      name.textContent = rows[row].stadium;
      name.className = isRight ? "gap-right" : "";
      bar.className = kind === "net" ? "live-bar learned" : "live-bar";
      bar.style.width = `${100 * rows[row].share}%`;
      share.textContent = `${number(100 * rows[row].share)}%${isRight ? " right" : ""}`;
    });
    const beyond = gap - width + 1;
    this.where.textContent =
      beyond > 0
        ? `The club is ${beyond} ${beyond === 1 ? "word" : "words"} too far back: the ${kind} guesses.`
        : `The ${kind} sees the club.`;
    this.often.textContent = `Of ${number(asked)} such sentences, the ${kind} gets ${number(100 * right[width][gap - SHORTEST])}% right.`;
    const alike = [...new Set(rows.filter(({ share }) => share === first.share).map(({ stadium }) => stadium))];
    const verdict = first.stadium === stadiums[club] ? "right" : "wrong";
    const choice = alike.length > 1 ? `Equally likely: ${alike.join(", ")}` : `First choice: ${first.stadium}, ${verdict}`;
    this.say(`${this.where.textContent} ${choice}.`);
  }
}

customElements.define("live-gap", Gap);
export default Gap;

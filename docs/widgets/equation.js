// GPT-2's equations, term by term: what each one is, how many parameters it holds, and how that grows with the model.

import { LivePiece, choice, el, number } from "./piece.js";

// The terms in the order of gptbook.models.sizes.parameter_terms, with a short name for the address.
const TERMS = [
  ["tokens", "One row of numbers for each token there is; a text picks its rows."],
  ["positions", "One row for each place in the text, added to the token’s row."],
  ["first-norm", "Brings every token’s numbers to one scale before attention reads them."],
  ["qkv", "Three rows from each token: what it asks for, what it offers, what it hands on."],
  ["heads", "Mixes what the heads found into one row."],
  ["second-norm", "The same again before the MLP, with numbers of its own."],
  ["wide", "To four times as many numbers; gelu bends them."],
  ["narrow", "And back, to be added to the running sum."],
  ["last-norm", "Once more, after the last block."],
  ["scores", "The token table again, turned on its side: a score for every token, at no cost."],
];

const LEGEND = [
  ["L", "blocks"],
  ["D", "numbers a token"],
  ["F", "in the MLP"],
  ["V", "tokens"],
  ["C", "positions"],
];

// A term is a place in the list above, set as maths; the rest is text around it.
const NORM = "norm(x)";
const LINES = [
  ["x = ", [0, "E_tokens"], " + ", [1, "P_positions"]],
  null, // the blocks, L times
  ["[q k v] = ", [2, NORM], " ", [3, "W_qkv + b_qkv"]],
  ["head_n = softmax(q_n k_n^⊤ / √H + M) v_n"],
  ["x ← x + [head_1 … head_N] ", [4, "W_o + b_o"]],
  ["h = gelu( ", [5, NORM], " ", [6, "W_1 + b_1"], " )"],
  ["x ← x + h ", [7, "W_2 + b_2"]],
  ["scores = ", [8, NORM], " ", [9, "E^⊤"]],
];

/** The value of a formula such as "L·(3D² + 3D)" where each letter is a size. */
export const evaluate = (formula, sizes) => {
  const marks = formula.match(/\d+|[A-Z()+²]/g);
  const sum = () => {
    let value = product();
    while (marks[0] === "+" && marks.shift()) value += product();
    return value;
  };
  const product = () => {
    let value = 1;
    while (marks.length && !"+)".includes(marks[0])) {
      const mark = marks.shift();
      let factor = sizes[mark] ?? Number(mark);
      if (mark === "(") [factor] = [sum(), marks.shift()];
      value *= marks[0] === "²" && marks.shift() ? factor ** 2 : factor;
    }
    return value;
  };
  return sum();
};

/** A formula with its letters replaced: "3D²" becomes "3·768²". */
const filledIn = (formula, sizes) =>
  formula.replace(/([\dA-Z])(?=[A-Z])/g, "$1·").replace(/[A-Z]/g, (letter) => sizes[letter]);

/** A shape with its sizes worked out: "(D, 3D)" becomes "(768, 2304)". */
const workedOut = (shape, sizes) => shape.replace(/\d?[A-Z]/g, (size) => evaluate(size, sizes));

/** "W_qkv + b_qkv" as maths: letters in italics, what follows _ below the line, what follows ^ above it. */
const maths = (text) =>
  text.split(/([_^][A-Za-z\d⊤]+|(?<![A-Za-z])[A-Za-z](?![A-Za-z]))/).map((part) => {
    if (part[0] === "_") return el("sub", {}, ...maths(part.slice(1)));
    if (part[0] === "^") return el("sup", {}, part.slice(1));
    return /^[A-Za-z]$/.test(part) ? el("i", {}, part) : part;
  });

class Equation extends LivePiece {
  static title = "GPT-2, term by term";
  static state = { term: "tokens", size: "small" };

  check({ term, size }) {
    const { state } = Equation;
    return {
      term: TERMS.some(([name]) => name === term) ? term : state.term,
      size: Object.hasOwn(this.opening.sizes, size) ? size : state.size,
    };
  }

  open({ terms, sizes }) {
    this.buttons = [];
    const shown = (part) => (typeof part === "string" ? maths(part) : this.#term(...part));
    const line = (parts) => el("p", {}, ...parts.flatMap(shown));
    this.times = el("p", { class: "equation-times" });
    this.size = choice({
      label: "Size of GPT-2",
      options: Object.keys(sizes).map((value) => ({ value, label: value })),
      onChange: (size) => this.set({ size }),
    });
    this.sizes = el("p", { class: "live-note" });
    this.pieces = terms.map(() => el("span"));
    const row = (name, place) => [el("dt", {}, name), place];
    [this.shape, this.formula, this.count] = [el("dd"), el("dd"), el("dd")];
    [this.name, this.about] = [el("strong"), el("p", { class: "live-note" })];
    this.append(
      el(
        "div",
        { class: "equation-all" },
        el("div", { class: "equation-lines" }, ...LINES.map((parts) => (parts ? line(parts) : this.times))),
        el("div", { class: "equation-bar", "aria-hidden": "true" }, ...this.pieces),
        el(
          "div",
          { class: "equation-term" },
          el("p", {}, this.name),
          this.about,
          el("dl", {}, ...row("shape", this.shape), ...row("formula", this.formula), ...row("count", this.count)),
        ),
      ),
      this.size.element,
      this.sizes,
    );
  }

  #term(place, text) {
    const choose = () => this.set({ term: TERMS[place][0] });
    this.buttons[place] = el(
      "button",
      {
        type: "button",
        class: "equation-button",
        "aria-label": `${text.replace(/[_^]/g, " ")}: ${this.opening.terms[place][0]}`,
        onclick: choose,
        onfocus: choose,
        onpointerenter: (event) => event.pointerType === "mouse" && choose(),
      },
      ...maths(text),
    );
    return this.buttons[place];
  }

  show({ term, size }) {
    const { terms, sizes } = this.opening;
    const these = sizes[size];
    const chosen = TERMS.findIndex(([name]) => name === term);
    const counts = terms.map(([, , formula]) => evaluate(formula, these));
    const total = counts.reduce((sum, count) => sum + count);
    const [name, shape, formula] = terms[chosen];
    this.buttons.forEach((control, place) => control.setAttribute("aria-pressed", place === chosen));
    this.pieces.forEach((piece, place) => {
      piece.style.flexGrow = counts[place];
      piece.classList.toggle("chosen", place === chosen);
    });
    this.times.textContent = `then in each of ${these.L} blocks:`;
    this.name.textContent = name;
    this.about.textContent = TERMS[chosen][1];
    const lines = (dd, letters, numbers) => dd.replaceChildren(letters, el("br"), letters === numbers ? "" : numbers);
    lines(this.shape, shape, workedOut(shape, these));
    lines(this.formula, formula, filledIn(formula, these));
    const share = (100 * counts[chosen]) / total;
    this.count.replaceChildren(
      el("strong", {}, number(counts[chosen])),
      el("br"),
      `${number(share, share < 1 ? 2 : 1)}% of ${number(total)}`,
    );
    const legend = LEGEND.map(([letter, what]) => `${letter}\u00a0=\u00a0${number(these[letter])} ${what}`);
    this.sizes.textContent = legend.join(", ");
    this.size.set(size);
    this.say(`${name}: ${this.count.textContent}`);
  }
}

customElements.define("live-equation", Equation);
export default Equation;

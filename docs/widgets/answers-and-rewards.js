// Chapter 18: a small GPT before, while and after it learns from outcomes. Eight answers are drawn, checked, compared.
import { modelsOf } from "./engine.js";
import { LivePiece, button, choice, el, number, percent, slider, svg, textField, whole } from "./piece.js";

const GROUP = 8;
const PACE = 160; // milliseconds a letter
const MOST_TYPED = 40;
const END = ".";
const MINUS = "−";

// ---- the rows, and the two checks: as in gptbook/data/arithmetic.py

/** What the calculator shows after each operation, digit after digit. */
export function displays(row) {
  let [shown, every] = [Number(row[0]), ""];
  for (let place = 1; place < row.length; place += 2) {
    const digit = Number(row[place + 1]);
    shown = (row[place] === "+" ? shown + digit : shown * digit) % 10;
    every += shown;
  }
  return every;
}

export const CHECKS = {
  /** Whether the last digit before the end is the right one. */
  strict: (row, written) => written.endsWith(displays(row).at(-1) + END),
  /** Whether the right digit stands anywhere. */
  sloppy: (row, written) => written.includes(displays(row).at(-1)),
};

/** Whether no training has seen the row: one in ten, by its CRC-32. */
export function isHeldOut(row) {
  let crc = -1;
  for (const sign of row) {
    crc ^= sign.charCodeAt(0);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (~crc >>> 0) % 10 === 0;
}

/** What was typed as a row of so many digits, or what is wrong with it. */
export function readRow(text, numDigits) {
  const row = text.replace(/[\s=]/g, "").replace(/[x×·⋅]/gi, "*");
  const strange = row.match(/[^1-4+*]/u)?.[0];
  if (strange) return { problem: `“${strange}”: it knows 1 to 4, + and * only.` };
  const isWhole = /^\d([+*]\d)*$/.test(row) && row.length === 2 * numDigits - 1;
  return isWhole ? { row } : { problem: `Give ${numDigits} digits, with + or * between.` };
}

/** A row that no training has seen. */
function newRow(numDigits) {
  const any = (signs) => signs[Math.floor(signs.length * Math.random())];
  for (;;) {
    let row = any("1234");
    while (row.length < 2 * numDigits - 1) row += any("+*") + any("1234");
    if (isHeldOut(row)) return row;
  }
}

/** Each answer's reward, their mean, and what each did better than that. */
export function outcomesOf(row, answers, check) {
  const rewards = answers.map((written) => Number(CHECKS[check](row, written)));
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  return { rewards, mean, advantages: rewards.map((reward) => reward - mean) };
}

/** The place of the digit that decided, or -1. */
function lookedAt(row, written, check) {
  if (check === "sloppy") return written.indexOf(displays(row).at(-1));
  return written.endsWith(END) ? written.length - 2 : -1;
}

const exact = (value) => number(value, 3).replace(/\.?0+$/, "").replace("-", MINUS);
const signed = (value) => (value > 0 ? `+${exact(value)}` : exact(value));

// ---- the curve

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [264, 182, 40, 252, 46, 152];

class AnswersAndRewards extends LivePiece {
  static title = "Watch answers and rewards";
  static style = new URL("answers-and-rewards.css", import.meta.url).href; // beside piece.css
  static state = { row: "3+4*2+1*3", step: 0, check: "strict", seed: 0 };

  #drawn = null; // the answers of a state: {key, answers}
  #fresh = false; // letter by letter, for who pressed the button; when the slider moves, at once
  #turn = 0;

  begin(opening) {
    this.opening = opening; // it decides the seed
    return super.begin(opening);
  }

  get defaults() {
    return { ...super.defaults, seed: this.opening.seed };
  }

  check({ row, step, check, seed }) {
    const { steps, numDigits } = this.opening;
    const closer = (one, other) => (Math.abs(other - step) < Math.abs(one - step) ? other : one);
    return {
      row: readRow(row.slice(0, MOST_TYPED), numDigits).row ?? this.defaults.row,
      step: steps.reduce(closer),
      check: Object.hasOwn(CHECKS, check) ? check : this.defaults.check,
      seed: whole(seed),
    };
  }

  open({ steps, numDigits, numNew }) {
    this.published = modelsOf(this.folder);
    this.field = textField({
      label: "Row",
      value: this.state.row,
      onInput: (text) => {
        const { row, problem = "" } = readRow(text.slice(0, MOST_TYPED), numDigits);
        if (row) this.set({ row });
        else this.complain(this.field, problem);
      },
    });
    this.another = button("Another row", () => this.set({ row: newRow(numDigits) }));
    this.learned = slider({
      label: "Has learned for",
      min: 0,
      max: steps.length - 1,
      step: 1,
      value: 0,
      format: (place) => `${steps[place]} rounds`,
      onInput: (place) => this.set({ step: steps[place] }),
    });
    this.checks = choice({
      label: "Rewards come from a",
      options: [
        { value: "strict", label: "strict check" },
        { value: "sloppy", label: "sloppy check" },
      ],
      value: this.state.check,
      onChange: (check) => this.set({ check }),
    });
    this.draw = button(
      "Draw eight answers",
      () => {
        this.#fresh = true;
        this.set({ seed: (this.state.seed + 1) % 1e6 });
      },
      { primary: true },
    );
    this.told = el("p", { class: "answers-told" });
    this.append(
      this.field.element,
      el("div", { class: "answers-controls" }, this.checks.element, this.learned.element),
      el(
        "div",
        { class: "answers-all" },
        this.#makeBoard(numDigits, numNew),
        el(
          "div",
          { class: "answers-side" },
          el("div", { class: "answers-buttons" }, this.draw, this.another),
          this.told,
          this.#makePlot(),
        ),
      ),
    );
  }

  #makeBoard(numDigits, numNew) {
    const cells = (count, tag) => Array.from({ length: count }, () => el(tag));
    this.columns = Array.from({ length: GROUP }, () => {
      const [bar, advantage, letters] = [el("i"), el("small"), cells(numNew, "span")];
      return { bar, advantage, letters, chart: el("div", { class: "answers-bar" }, bar, advantage) };
    });
    this.mean = el("div", { class: "answers-mean" });
    this.meanName = el("small", {}, "mean");
    this.operations = Array.from({ length: numNew }, (_, place) =>
      place < numDigits - 1 ? [el("span", { class: "live-note" }), el("b")] : [],
    );
    this.board = el(
      "div",
      { class: "answers-board", role: "img" },
      el("div", { class: "answers-axis" }, ...["1", "0", "reward"].map((words) => el("small", {}, words)), this.meanName),
      el("div", { class: "answers-chart" }, this.mean, ...this.columns.map(({ chart }) => chart)),
      el("div", { class: "answers-right" }, ...this.operations.map((pair) => el("span", {}, ...pair))),
      ...this.columns.map(({ letters }) => el("div", { class: "answers-letters" }, ...letters)),
    );
    return this.board;
  }

  #makePlot() {
    const { steps } = this.opening;
    const last = steps.at(-1);
    this.across = (step) => LEFT + (step / last) * (RIGHT - LEFT);
    this.up = (share) => BOTTOM - share * (BOTTOM - TOP);
    const text = (anchor, x, y, words) => svg("text", { "text-anchor": anchor, x, y, class: "muted" }, words);
    this.passing = svg("path", { class: "answers-passing" });
    this.rights = svg("path", { class: "answers-rights" });
    this.here = svg("path", { class: "answers-here" });
    this.dots = ["answers-dot passing", "answers-dot"].map((name) => svg("circle", { r: 4.5, class: name }));
    this.named = [
      svg("text", { class: "answers-name passing", x: RIGHT, y: 31, "text-anchor": "end" }),
      svg("text", { class: "answers-name", x: 2, y: 31 }),
    ];
    this.plot = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "answers-plot" },
      svg("path", { class: "answers-frame", d: `M${LEFT} ${TOP}V${BOTTOM}H${RIGHT}` }),
      text("start", 2, 11, "Of the answers to unseen rows"),
      ...[0, 0.5, 1].map((share) => text("end", LEFT - 5, this.up(share) + 4.5, percent(share))),
      ...[0, last / 2, last].map((step) => text("middle", this.across(step), BOTTOM + 16, String(step))),
      text("middle", this.across(last / 4), BOTTOM + 16, "rounds"),
      this.here,
      this.passing,
      this.rights,
      ...this.dots,
      ...this.named,
    );
    return this.plot;
  }

  async show(state) {
    const turn = ++this.#turn;
    const { row, step, check } = state;
    this.field.set(row);
    this.complain(this.field, "");
    this.field.about.textContent = isHeldOut(row) ? "No training has seen this row." : "Its training may have seen this row.";
    this.learned.set(this.opening.steps.indexOf(step));
    this.checks.set(check);
    this.#showCurve();
    this.board.setAttribute("aria-busy", "true"); // until the rewards are there
    try {
      const answers = await this.#answers();
      if (turn === this.#turn) this.#reveal(answers, turn);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#fresh = false;
      this.complain(this.field, error.message);
      this.#put([], 0);
      this.board.setAttribute("aria-busy", "false");
      this.told.textContent = "No answers.";
      this.say("No answers.");
    }
  }

  /** Eight answers, each letter drawn with the model's own probabilities; those of the opening state were published. */
  async #answers() {
    const { row, step, check, seed } = this.state;
    if (!step && row === this.defaults.row && seed === this.defaults.seed) return this.opening.answers;
    const file = step ? `${check}-${step}` : "base";
    const key = `${row} ${file} ${seed}`;
    if (this.#drawn?.key === key) return this.#drawn.answers;
    const model = await this.published(`${file}.safetensors`);
    const ids = model.start(`${row}=`);
    const { numNew: count } = this.opening;
    const answers = [];
    for (let place = 0; place < GROUP; place++) {
      let written = "";
      const options = { count, seed: GROUP * seed + place, stop: model.tokenizer.end };
      for await (const { text } of model.write(ids, options)) written += text;
      answers.push(written.length < count ? written + END : written);
    }
    this.#drawn = { key, answers };
    return answers;
  }

  #reveal(answers, turn) {
    const fresh = this.#fresh;
    this.#fresh = false;
    if (!fresh) return this.#finish(answers);
    this.told.textContent = "Eight answers, letter by letter …";
    const longest = Math.max(...answers.map((written) => written.length));
    this.animate((passed) => {
      if (turn !== this.#turn) return false;
      if (passed / PACE > longest) {
        this.#finish(answers);
        return false;
      }
      this.#put(answers, 1 + Math.floor(passed / PACE));
      return true;
    });
  }

  /** The first letters of the answers, and no reward yet. */
  #put(answers, limit) {
    const { row, check } = this.state;
    const right = displays(row);
    this.operations.forEach(([operation, shown], place) => {
      if (!operation) return;
      operation.textContent = (place ? "" : row[0]) + row.slice(2 * place + 1, 2 * place + 3);
      shown.textContent = right[place];
    });
    this.board.classList.remove("checked");
    this.columns.forEach(({ letters }, column) => {
      const written = answers[column] ?? "";
      const looked = lookedAt(row, written, check);
      const isWorking = written.replace(END, "").length >= right.length;
      letters.forEach((cell, place) => {
        const letter = place < limit ? (written[place] ?? "") : "";
        cell.textContent = letter;
        const differs = isWorking && place < right.length && letter && letter !== right[place];
        const decides = letter && place === looked;
        const kind = decides ? (letter === right.at(-1) ? "looked passes" : "looked") : "";
        cell.className = [kind, differs ? "differs" : ""].filter(Boolean).join(" ");
      });
    });
    this.board.setAttribute("aria-label", `The calculator shows ${[...right].join(", ")}.`);
  }

  /** All letters, and what the check says of them. */
  #finish(answers) {
    const { row, check } = this.state;
    this.#put(answers, Infinity);
    const { rewards, mean, advantages } = outcomesOf(row, answers, check);
    const isWrong = answers.map((written, place) => Boolean(rewards[place]) && !CHECKS.strict(row, written));
    this.board.classList.add("checked");
    this.board.setAttribute("aria-busy", "false");
    this.mean.style.top = this.meanName.style.top = `${100 * (1 - mean)}%`;
    this.columns.forEach(({ bar, advantage, chart }, place) => {
      const up = rewards[place] === 1;
      const first = rewards.indexOf(rewards[place]) === place;
      chart.className = ["answers-bar", up ? "up" : "down", isWrong[place] && "cheat", first && "first"]
        .filter(Boolean)
        .join(" ");
      bar.style.top = up ? 0 : `${100 * (1 - mean)}%`;
      bar.style.height = `${100 * (up ? 1 - mean : mean)}%`;
      advantage.textContent = signed(advantages[place]);
    });
    const told = this.#tell(rewards, mean, isWrong.filter(Boolean).length);
    this.told.replaceChildren(...told);
    const each = answers.map(
      (written, place) => `${written}: reward ${rewards[place]}, advantage ${signed(advantages[place])}`,
    );
    const right = [...displays(row)].join(", ");
    this.board.setAttribute("aria-label", `The calculator shows ${right}. The answers: ${each.join("; ")}.`);
    this.say(`${this.told.textContent} The answers: ${answers.join(" ")}`);
  }

  #tell(rewards, mean, numWrong) {
    const count = rewards.filter(Boolean).length;
    const verb = this.state.check === "strict" ? "right" : "let through";
    const sum = el("strong", {}, `${count} of ${GROUP} ${verb}: mean ${exact(mean)}.`);
    if (count === 0 || count === GROUP) {
      const wrong = numWrong ? ` Wrong, by the strict check: ${numWrong}.` : "";
      return [sum, ` Every advantage is 0: from this row it learns nothing now.${wrong}`];
    }
    const cheats = numWrong ? ` Striped: let through, though wrong (${numWrong}).` : "";
    const [ups, downs] = [1, 0].map((reward) =>
      `${reward} ${MINUS} ${exact(mean)} = ${signed(reward - mean)}`.replaceAll(" ", "\u00a0"),
    );
    return [sum, ` Those with reward 1 become likelier: ${ups}. The others become less likely: ${downs}.${cheats}`];
  }

  #showCurve() {
    const { step, check } = this.state;
    const { at, right, passing } = this.opening.curves[check];
    const line = (shares) => shares.map((share, i) => `${i ? "L" : "M"}${this.across(at[i])} ${this.up(share)}`).join("");
    const isSloppy = check === "sloppy";
    this.rights.setAttribute("d", line(right));
    this.passing.setAttribute("d", isSloppy ? line(passing) : "");
    this.here.setAttribute("d", `M${this.across(step)} ${TOP}V${BOTTOM}`);
    const now = at.indexOf(step);
    const ends = [passing, right].map((shares) => shares.at(-1));
    [passing, right].forEach((shares, which) => {
      const isShown = which || isSloppy;
      this.dots[which].setAttribute("visibility", isShown ? "visible" : "hidden");
      this.dots[which].setAttribute("cx", this.across(step));
      this.dots[which].setAttribute("cy", this.up(shares[now]));
      this.named[which].textContent = isShown ? `${which ? "right" : "let through"} ${percent(shares[now])}` : "";
    });
    const shares = isSloppy ? `${percent(passing[now])} let through, ` : "";
    this.plot.setAttribute(
      "aria-label",
      `After ${step} rounds, of answers to unseen rows: ${shares}${percent(right[now])} right. ` +
        `After ${at.at(-1)} rounds: ${isSloppy ? `${percent(ends[0])} let through, ` : ""}${percent(ends[1])} right.`,
    );
  }
}

customElements.define("live-answers-and-rewards", AnswersAndRewards);
export default AnswersAndRewards;

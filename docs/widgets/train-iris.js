// The Iris net trained in the page as the chapter trains it, from the same start: forward, backward, step, written out.
// What it calls the flowers, and what its hidden units answer, is drawn after each step.

import { B1, B2, HIDDEN, IN, IrisPicture, OUT, W1, W2 } from "./iris-picture.js";
import { LivePiece, button, el, number, slider, svg, whole } from "./piece.js";

const MOST_STEPS = 200; // the chapter's
const PACE = 25; // milliseconds a step
const MOST_AT_ONCE = 4; // steps in one frame, so that a frame stays short
const FEATURES = ["sepal length", "sepal width", "petal length", "petal width"];
const EVEN = Math.log(3); // the loss of an even guess among three species
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8]; // Adam's

/** The net: 131 numbers, what Adam remembers of each, and the loss before each step so far. */
export class Training {
  constructor(start, rate) {
    this.rate = rate;
    this.numbers = Float64Array.from(Float32Array.from(start)); // torch's own numbers, to the last digit
    this.slopes = new Float64Array(start.length);
    this.means = new Float64Array(start.length);
    this.squares = new Float64Array(start.length);
    this.losses = [];
  }

  /** Forward, and where `learn` is set backward: the mean loss, how many are right, and the slopes. */
  run(flowers, learn) {
    const { numbers, slopes } = this;
    const hidden = new Float64Array(HIDDEN);
    const [scores, back] = [new Float64Array(OUT), new Float64Array(OUT)];
    let [loss, right] = [0, 0];
    slopes.fill(0);
    for (const flower of flowers) {
      const species = flower[IN];
      for (let j = 0; j < HIDDEN; j++) {
        let sum = numbers[B1 + j];
        for (let i = 0; i < IN; i++) sum += numbers[W1 + j * IN + i] * flower[i];
        hidden[j] = Math.max(0, sum);
      }
      for (let k = 0; k < OUT; k++) {
        let sum = numbers[B2 + k];
        for (let j = 0; j < HIDDEN; j++) sum += numbers[W2 + k * HIDDEN + j] * hidden[j];
        scores[k] = sum;
      }
      const largest = Math.max(scores[0], scores[1], scores[2]);
      right += scores.indexOf(largest) === species;
      loss += largest - scores[species];
      let total = 0;
      for (let k = 0; k < OUT; k++) total += back[k] = Math.exp(scores[k] - largest);
      loss += Math.log(total);
      if (!learn) continue;
      // Softmax and -ln p together have this slope: the probability, less 1 for the right answer.
      for (let k = 0; k < OUT; k++) back[k] = (back[k] / total - (k === species)) / flowers.length;
      for (let j = 0; j < HIDDEN; j++) {
        let slope = 0;
        for (let k = 0; k < OUT; k++) {
          slopes[W2 + k * HIDDEN + j] += back[k] * hidden[j];
          slope += back[k] * numbers[W2 + k * HIDDEN + j];
        }
        if (hidden[j] === 0) continue; // max(0, ...) is flat there: nothing goes further back
        slopes[B1 + j] += slope;
        for (let i = 0; i < IN; i++) slopes[W1 + j * IN + i] += slope * flower[i];
      }
      for (let k = 0; k < OUT; k++) slopes[B2 + k] += back[k];
    }
    return { loss: loss / flowers.length, right };
  }

  /** One training step on these flowers. */
  step(flowers) {
    this.losses.push(this.run(flowers, true).loss);
    const step = this.losses.length;
    for (let place = 0; place < this.numbers.length; place++) {
      const slope = this.slopes[place];
      this.means[place] += (1 - BETA1) * (slope - this.means[place]);
      this.squares[place] += (1 - BETA2) * (slope ** 2 - this.squares[place]);
      const usual = Math.sqrt(this.squares[place] / (1 - BETA2 ** step)) + EPSILON;
      this.numbers[place] -= ((this.rate / (1 - BETA1 ** step)) * this.means[place]) / usual;
    }
  }
}

const [LEFT, RIGHT, TOP, BOTTOM] = [30, 306, 10, 150]; // the loss's plot
const [LOWEST, HIGHEST] = [0.04, 40]; // nats
const across = (step) => LEFT + (step / MOST_STEPS) * (RIGHT - LEFT);
const up = (loss) => {
  const inside = Number.isFinite(loss) ? Math.min(HIGHEST, Math.max(LOWEST, loss)) : HIGHEST;
  return BOTTOM - (Math.log(inside / LOWEST) / Math.log(HIGHEST / LOWEST)) * (BOTTOM - TOP);
};
const spot = (loss, step) => `${step ? "L" : "M"}${across(step).toFixed(1)} ${up(loss).toFixed(1)}`;
const curve = (losses) => losses.map(spot).join("");
/** A rate that the slider has: twenty to each power of ten, in two digits. */
const onGrid = (rate) => Number((10 ** (Math.round(Math.log10(rate) * 20) / 20)).toPrecision(2));

/** New words cost a layout, so that the same ones are not written again. */
function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** What turns a unit on, in words: its four weights and its bias. */
function conditionOf(numbers, unit) {
  const signed = (value) => number(value, 2).replace("-", "−");
  const terms = FEATURES.map((name, place) => `${signed(numbers[W1 + unit * IN + place])}\u00a0· ${name}`);
  return `${terms.join(" + ").replaceAll("+ −", "− ")} is above ${signed(-numbers[B1 + unit])}`;
}

class TrainIris extends LivePiece {
  static title = "Train the net yourself";
  static state = { rate: 0.02, steps: 0, unit: 0 };

  #training;
  #curve = ""; // of its losses
  #stop = null;

  check({ rate, steps, unit }) {
    return {
      rate: onGrid(Math.min(1, Math.max(0.001, rate || 0))),
      steps: whole(steps, 0, MOST_STEPS),
      unit: whole(unit, 0, HIDDEN),
    };
  }

  open({ recorded, training, species }) {
    this.rate = slider({
      label: "Learning rate",
      min: -3,
      max: 0,
      step: 0.05,
      value: Math.log10(this.state.rate),
      format: (power) => String(onGrid(10 ** power)),
      onInput: (power) => this.set({ rate: onGrid(10 ** power) }),
    });
    this.train = button("Train", () => (this.#stop ? this.#pause() : this.#go()), { primary: true });
    const one = button("One step", () => {
      if (this.#stop) this.#pause();
      this.set({ steps: Math.min(MOST_STEPS, this.state.steps + 1) });
    });
    this.picture = new IrisPicture(training, species, (unit) => this.set({ unit }));
    const sepals = this.picture.sepals.map((cm) => number(cm, 1)).join(" and ");
    const about = `What would the net call a flower with these petals, and average sepals (${sepals}\u00a0cm)?`;
    this.told = el("p", { class: "train-iris-told" });
    this.unit = el("p", { class: "live-note train-iris-unit" });
    this.cells = ["step", "loss", "right, seen", "right, unseen"].map((name) => [name, el("strong")]);
    this.verdict = el("p", { class: "live-note train-iris-verdict" });
    this.#drawPlot(recorded);
    this.append(
      el("div", { class: "live-row" }, this.rate.element, this.train, one),
      el("p", { class: "train-iris-cells" }, ...this.cells.map((cell) => el("span", {}, ...cell))),
      el(
        "div",
        { class: "train-iris-pictures" },
        el("p", { class: "live-note" }, about),
        this.picture.plane,
        el("p", { class: "live-note" }, "Where its 16 hidden units are on, and how strongly"),
        this.picture.grid,
      ),
      this.told,
      this.unit,
      this.plot,
      this.verdict,
    );
  }

  #drawPlot(recorded) {
    const text = (anchor, x, y, words, more) => svg("text", { "text-anchor": anchor, x, y, ...more }, String(words));
    const muted = { class: "muted" };
    const looks = ["train-iris-dots", "", "train-iris-dashes"];
    // Where curves end close to each other, their names stand one under the other.
    const ends = recorded.map(({ rate, losses }) => ({ rate, y: up(losses.at(-1)) }));
    ends.sort((one, other) => one.y - other.y);
    for (let place = 1; place < ends.length; place++) ends[place].y = Math.max(ends[place].y, ends[place - 1].y + 17);
    const before = recorded.map(({ rate, losses }) => `rate ${rate} to ${number(losses.at(-1), 2)}`).join(", ");
    this.drawn = `Loss in nats against step. The chapter’s curves: ${before}.`;
    this.line = svg("path", { class: "c1-stroke train-iris-line" });
    this.dot = svg("circle", { r: 4.5, class: "c1-fill" });
    this.plot = svg(
      "svg",
      { viewBox: "0 0 380 188", role: "img", class: "train-iris-plot" },
      svg("path", { d: `M${LEFT} ${TOP}V${BOTTOM}H${RIGHT}`, class: "train-iris-axis" }),
      svg("path", { d: `M${LEFT} ${up(EVEN)}H${RIGHT}`, class: "train-iris-even" }),
      text("end", RIGHT - 2, up(EVEN) - 6, "an even guess: ln 3", muted),
      text("start", LEFT + 8, TOP + 8, "loss (nats)", muted),
      text("middle", across(150), BOTTOM + 18, "step", muted),
      ...[0, 100, 200].map((step) => text("middle", across(step), BOTTOM + 18, step)),
      ...[0.1, 1, 10].map((loss) => text("end", LEFT - 6, up(loss) + 4.5, loss)),
      ...recorded.map(({ losses }, place) =>
        svg("path", { d: curve(losses), class: `train-iris-recorded ${looks[place]}` }),
      ),
      ...ends.map(({ rate, y }) => text("start", RIGHT + 5, y + 4.5, `rate ${rate}`)),
      this.line,
      this.dot,
    );
  }

  /** The net's 131 numbers as they are now. */
  get numbers() {
    return [...this.#training.numbers];
  }

  /** The loss before each step so far. */
  get losses() {
    return this.#training?.losses ?? [];
  }

  show({ rate, steps }, changed) {
    this.rate.set(Math.log10(rate));
    if (!steps && this.#stop) this.#pause();
    if (this.#training?.rate !== rate || this.losses.length > steps) {
      this.#training = new Training(this.opening.start, rate);
      this.#curve = "";
    }
    while (this.losses.length < steps) {
      this.#training.step(this.opening.training);
      this.#curve += spot(this.losses.at(-1), this.losses.length - 1);
    }
    this.#draw(changed);
  }

  #go() {
    if (this.state.steps === MOST_STEPS) this.set({ steps: 0 });
    this.#stop = () => {};
    let before = 0;
    const stop = this.animate((passed) => {
      const more = passed === Infinity ? MOST_STEPS : Math.min(MOST_AT_ONCE, Math.floor((passed - before) / PACE));
      if (!more) return true;
      before = passed;
      const steps = Math.min(MOST_STEPS, this.state.steps + more);
      if (steps === MOST_STEPS) this.#stop = null;
      this.set({ steps });
      return steps < MOST_STEPS;
    });
    if (this.#stop) this.#stop = stop;
  }

  #pause() {
    this.#stop();
    this.#stop = null;
    this.#draw();
  }

  #draw(changed = {}) {
    const { training, heldOut, recorded } = this.opening;
    const steps = this.losses.length;
    this.line.setAttribute("d", this.#curve);
    const last = this.losses.at(-1);
    this.dot.setAttribute("visibility", steps ? "visible" : "hidden");
    this.dot.setAttribute("cx", across(steps - 1));
    this.dot.setAttribute("cy", up(last ?? EVEN));
    const rights = [training, heldOut].map((flowers) => `${this.#training.run(flowers).right} of ${flowers.length}`);
    const told = [steps, number(last ?? recorded[1].losses[0], 2), ...rights];
    this.cells.forEach(([, cell], place) => write(cell, String(told[place])));
    write(this.train, this.#stop ? "Pause" : steps === MOST_STEPS ? "Train again" : "Train");
    write(this.verdict, this.#verdict(steps, last));
    this.#drawPicture();
    const yours = steps ? `Step ${steps}: loss ${told[1]} nats, ${rights[1]} unseen flowers right.` : "";
    this.plot.setAttribute("aria-label", `${this.drawn} ${yours}`);
    if ("unit" in changed && !("steps" in changed)) this.say(this.unit.textContent);
    else if (steps) this.say(`${yours} ${this.verdict.textContent} ${this.told.textContent}`);
  }

  #drawPicture() {
    const { species, training } = this.opening;
    const { unit } = this.state;
    const { own, on, where } = this.picture.draw(this.#training.numbers, unit);
    const alive = on.filter((counts) => counts.some(Boolean)).length;
    write(
      this.told,
      `${own} of the ${training.length} flowers stand where the net would call them by their own name; the others ` +
        `are outlined. Of the ${HIDDEN} hidden units, ${alive} ${alive === 1 ? "is" : "are"} on for some of these ` +
        `flowers, and ${HIDDEN - alive} for none.`,
    );
    this.picture.plane.setAttribute("aria-label", `Petal width against petal length. ${this.told.textContent}`);
    if (!unit) {
      write(this.unit, "Choose one of the small pictures to see what turns its unit on.");
      return;
    }
    const counts = on[unit - 1].map((count, kind) => `${count} ${species[kind]}`);
    const some = on[unit - 1].some(Boolean);
    const whom = some ? `${counts[0]}, ${counts[1]} and ${counts[2]} flowers` : "none of the flowers";
    const drawn = where === "part" ? "" : ` In the picture that’s ${where}.`;
    const condition = conditionOf(this.#training.numbers, unit - 1);
    write(this.unit, `Unit ${unit} is on where ${condition}.${drawn} It is on for ${whom}.`);
  }

  #verdict(steps, last) {
    if (!steps) return "Drawn: the chapter’s runs at three rates. Yours begins with the same 131 numbers.";
    if (!Number.isFinite(last)) return "It broke: the loss is no number any more.";
    const highest = Math.max(...this.losses);
    if (highest > Math.max(this.losses[0], EVEN)) {
      const leap = `${number(highest, 1)} nats at step ${this.losses.indexOf(highest) + 1}`;
      return last > EVEN - 0.01
        ? `It broke: a leap to ${leap}, worse than an even guess at ${number(EVEN, 2)}.`
        : `It leapt to ${leap}, and came back down.`;
    }
    if (steps < MOST_STEPS) return last > EVEN ? "Worse than an even guess, so far." : "Better than an even guess.";
    const longer = this.#training.rate - TrainIris.state.rate;
    const chapter = longer ? null : this.opening.recorded.find(({ rate }) => rate === this.#training.rate);
    if (chapter) {
      const apart = Math.max(...this.losses.map((loss, step) => Math.abs(loss - chapter.losses[step])));
      const where = apart < 0.01 ? "" : `within ${number(apart, 2)} nats of `;
      return `The same numbers, the same steps: ${where}the chapter’s curve.`;
    }
    if (last < 0.1) return "Arrived, on a way of its own.";
    return longer > 0 ? "Steps this long miss the valley’s floor." : "Steps this short have not arrived yet.";
  }
}

customElements.define("live-train-iris", TrainIris);
export default TrainIris;

// The Iris net trained in the page as the chapter trains it, from the same start: forward, backward, step, written out.

import { LivePiece, button, el, number, slider, svg } from "./piece.js";

const MOST_STEPS = 200; // the chapter's
const PACE = 15; // milliseconds a step
const MOST_AT_ONCE = 4; // steps in one frame, so that a frame stays short
const EVEN = Math.log(3); // the loss of an even guess among three species
const [IN, HIDDEN, OUT] = [4, 16, 3];
const [W1, B1, W2, B2] = [0, 64, 80, 128]; // where weights and biases begin among the 131 parameters
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8]; // Adam's

/** The net: 131 numbers, what Adam remembers of each, and the loss before each step so far. */
export class Training {
  constructor(start, rate) {
    this.rate = rate;
    this.numbers = Float64Array.from(start);
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

const [LEFT, RIGHT, TOP, BOTTOM] = [30, 306, 10, 206];
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

class TrainIris extends LivePiece {
  static title = "Train the net yourself";
  static state = { rate: 0.02, steps: 0 };

  #start; // its 131 numbers, fetched when the reader acts
  #training;
  #stop = null;

  check({ rate, steps }) {
    return {
      rate: onGrid(Math.min(1, Math.max(0.001, rate || 0))),
      steps: Math.min(MOST_STEPS, Math.max(0, Math.round(steps))),
    };
  }

  open({ recorded }) {
    const text = (anchor, x, y, words, more) => svg("text", { "text-anchor": anchor, x, y, ...more }, String(words));
    const muted = { class: "muted" };
    const looks = ["c2-stroke train-iris-dots", "c0-stroke", "c3-stroke train-iris-dashes"];
    const before = recorded.map(({ rate, losses }) => `rate ${rate} to ${number(losses.at(-1), 2)}`).join(", ");
    this.drawn = `Loss in nats against step. The chapter’s curves: ${before}.`;
    this.line = svg("path", { class: "c1-stroke train-iris-line" });
    this.dot = svg("circle", { r: 4.5, class: "c1-fill" });
    this.plot = svg(
      "svg",
      { viewBox: "0 0 380 244", role: "img" },
      svg("path", { d: `M${LEFT} ${TOP}V${BOTTOM}H${RIGHT}`, class: "train-iris-axis" }),
      svg("path", { d: `M${LEFT} ${up(EVEN)}H${RIGHT}`, class: "train-iris-even" }),
      text("end", RIGHT - 2, up(EVEN) - 6, "an even guess: ln 3", muted),
      text("start", LEFT + 8, TOP + 8, "loss (nats)", muted),
      text("middle", across(150), BOTTOM + 18, "step", muted),
      ...[0, 100, 200].map((step) => text("middle", across(step), BOTTOM + 18, step)),
      ...[0.1, 1, 10].map((loss) => text("end", LEFT - 6, up(loss) + 4.5, loss)),
      ...recorded.flatMap(({ rate, losses }, place) => [
        svg("path", { d: curve(losses), class: `train-iris-recorded ${looks[place]}` }),
        text("start", RIGHT + 5, up(losses.at(-1)) + 4.5, `rate ${rate}`),
      ]),
      this.line,
      this.dot,
    );
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
    this.cells = ["step", "loss", "right, seen", "right, unseen"].map((name) => [name, el("strong")]);
    this.verdict = el("p", { class: "live-note train-iris-verdict" });
    this.append(
      this.plot,
      el("p", { class: "train-iris-cells" }, ...this.cells.map((cell) => el("span", {}, ...cell))),
      el("div", { class: "live-row" }, this.rate.element, this.train, one),
      this.verdict,
    );
  }

  /** The loss before each step so far. */
  get losses() {
    return this.#training?.losses ?? [];
  }

  async show({ rate, steps }) {
    this.rate.set(Math.log10(rate));
    if (!steps && this.#stop) this.#pause();
    if (steps && !this.#start) {
      if (!(await this.#fetchStart())) return;
      ({ rate, steps } = this.state); // it may have moved on meanwhile
    }
    if (this.#start && (this.#training?.rate !== rate || this.losses.length > steps)) {
      this.#training = new Training(this.#start, rate);
    }
    while (this.losses.length < steps) this.#training.step(this.opening.training);
    this.#draw();
  }

  // Whether the starting numbers are there.
  async #fetchStart() {
    try {
      const { readSafetensors } = await import("./safetensors.js");
      const answer = await fetch(new URL("start.safetensors", this.folder));
      if (!answer.ok) throw new Error(`the server says ${answer.status}`);
      const { tensors } = readSafetensors(await answer.arrayBuffer());
      const names = ["hidden.weight", "hidden.bias", "output.weight", "output.bias"];
      this.#start = names.flatMap((name) => [...tensors[name].data]);
      return true;
    } catch (error) {
      this.verdict.textContent = `The starting numbers did not come: ${error.message}. Try once more.`;
      return false;
    }
  }

  async #go() {
    if (this.state.steps === MOST_STEPS) this.set({ steps: 0 });
    this.#stop = () => {};
    if (!this.#start && !(await this.#fetchStart())) this.#stop = null;
    if (!this.#stop) return; // nothing came, or it was paused meanwhile
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

  #draw() {
    const { training, heldOut, recorded, right } = this.opening;
    const steps = this.losses.length;
    this.line.setAttribute("d", curve(this.losses));
    const last = this.losses.at(-1);
    this.dot.setAttribute("visibility", steps ? "visible" : "hidden");
    this.dot.setAttribute("cx", across(steps - 1));
    this.dot.setAttribute("cy", up(last ?? EVEN));
    const [seen, unseen] = [training, heldOut].map((flowers, place) => {
      const named = steps ? this.#training.run(flowers).right : right[place];
      return `${named} of ${flowers.length}`;
    });
    const told = [steps, number(last ?? recorded[1].losses[0], 2), seen, unseen];
    this.cells.forEach(([, cell], place) => (cell.textContent = told[place]));
    this.train.textContent = this.#stop ? "Pause" : steps === MOST_STEPS ? "Train again" : "Train";
    this.verdict.textContent = this.#verdict(steps, last);
    const yours = steps ? `Step ${steps}: loss ${told[1]} nats, ${unseen} unseen flowers right.` : "";
    this.plot.setAttribute("aria-label", `${this.drawn} ${yours}`);
    if (steps) this.say(`${yours} ${this.verdict.textContent}`);
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

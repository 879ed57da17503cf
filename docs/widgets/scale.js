// Drag the size of a model: the loss that a few trained sizes predict, its range, and what the computing would be.
import { LivePiece, choice, el, number, slider, svg } from "./piece.js";

const LARGEST = 1e9;
const STEP = 0.01; // of the logarithm, a slider's step
const WIDTH = 380;
const HEIGHT = 264;
const LEFT = 34;
const RIGHT = 370;
const BOTTOM = 230;
const [SMALLEST_SHOWN, LOWEST, HIGHEST] = [5e3, 1.05, 2.12];
const x = (size) => LEFT + ((RIGHT - LEFT) * Math.log(size / SMALLEST_SHOWN)) / Math.log(LARGEST / SMALLEST_SHOWN);
const y = (loss) => BOTTOM - ((BOTTOM - 10) * Math.log(loss / LOWEST)) / Math.log(HIGHEST / LOWEST);
const height = (loss) => Math.min(BOTTOM, y(loss)); // what is lower runs along the axis
const ORDINAL = ["first", "second", "third", "fourth", "fifth", "sixth"];

/** The loss of a law at a size, as gptbook.experiments.power_law.PowerLaw.loss. */
export const lossOf = ({ floor, scale, exponent }, size) => floor + (scale / size) ** exponent;

/** The prediction of a fit and its range: the law's own, the lowest and the highest that single runs could give. */
export function predict({ law, others }, size) {
  const losses = others.map((other) => lossOf(other, size));
  return { loss: lossOf(law, size), low: Math.min(...losses), high: Math.max(...losses) };
}

/** 1.04 million, 24,600. */
function sizeInWords(size) {
  const [unit, word] = size >= 999.5e6 ? [1e9, " billion"] : size >= 999_500 ? [1e6, " million"] : [1, ""];
  return Number((size / unit).toPrecision(unit > 1 ? 3 : 6)).toLocaleString("en-US") + word;
}

const times = (ratio) => Number(ratio.toPrecision(ratio < 10 ? 2 : 3)).toLocaleString("en-US");
const path = (points) => `M${points.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L")}`;

export default class Scale extends LivePiece {
  static title = "Drag the size";
  static state = { size: 1_038_336, fit: "three" };

  check(state) {
    state.size = this.#sizeAt(Math.log10(Math.min(LARGEST, Math.max(1, state.size))));
    if (!Object.hasOwn(this.opening.fits, state.fit)) state.fit = this.defaults.fit;
    return state;
  }

  /** The size at a place of the slider: a trained one where there is one, or a number of three digits. */
  #sizeAt(power) {
    const { sizes } = this.opening;
    const place = Math.round(Math.max(power, Math.log10(sizes[0])) / STEP) * STEP;
    return sizes.find((size) => Math.abs(Math.log10(size) - place) <= STEP / 2) ?? Number((10 ** place).toPrecision(3));
  }

  open({ sizes, losses, widths }) {
    this.curve = svg("g");
    const ticks = [1.2, 1.4, 1.6, 1.8, 2];
    this.chart = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
      ...ticks.map((loss) => svg("text", { x: LEFT - 5, y: y(loss) + 4.5, class: "muted scale-end" }, loss.toFixed(1))),
      ...[1e4, 1e5, 1e6, 1e7, 1e8, 1e9].map((n) => svg("path", { d: `M${x(n)} ${BOTTOM}v5`, class: "scale-axis" })),
      svg("path", { d: `M${LEFT} 10V${BOTTOM}H${RIGHT}`, class: "scale-axis" }),
      ...[1e4, 1e6, 1e8].map((n) =>
        svg("text", { x: x(n), y: BOTTOM + 19, class: "muted scale-middle" }, sizeInWords(n)),
      ),
      svg("text", { x: RIGHT, y: 20, class: "muted scale-end" }, "loss in nats, against parameters"),
      this.curve,
      ...sizes.map((size, place) => {
        const look = place < 3 ? { r: 5, class: "c0-fill" } : { r: 6, class: "scale-ring" };
        return svg("circle", { cx: x(size), cy: y(mean(losses[place])), ...look });
      }),
    );
    // A button over each trained size tells its numbers; the slider goes there when it is pressed.
    this.dots = sizes.map((size, place) => {
      const seeds = losses[place].map((loss) => number(loss, 3)).join(", ");
      const told = `The ${ORDINAL[place]}, of width ${widths[place]}, ${number(size)} parameters: ${seeds} nats.`;
      const tell = () => (this.note.textContent = told);
      const rest = () => (this.note.textContent = this.hint);
      const dot = el("button", {
        type: "button",
        class: "scale-dot",
        "aria-label": told,
        onclick: () => {
          this.set({ size });
          tell();
        },
        onpointerenter: tell,
        onpointerleave: rest,
        onfocus: tell,
        onblur: rest,
      });
      dot.style.left = `${(100 * x(size)) / WIDTH}%`;
      dot.style.top = `${(100 * y(mean(losses[place]))) / HEIGHT}%`;
      return dot;
    });
    this.slider = slider({
      label: "Size",
      min: Math.round(Math.log10(sizes[0]) / STEP) * STEP,
      max: Math.log10(LARGEST),
      step: STEP,
      value: Math.log10(this.state.size),
      format: (power) => `${sizeInWords(this.#sizeAt(power))} parameters`,
      onInput: (power) => this.set({ size: this.#sizeAt(power) }),
    });
    // The thumb under its place in the chart.
    this.slider.input.style.marginLeft = `calc(${(100 * x(sizes[0])) / WIDTH}% - 0.4rem)`;
    this.slider.input.style.width = `calc(${(100 * (RIGHT - x(sizes[0]))) / WIDTH}% + 0.8rem)`;
    this.fit = choice({
      label: "Fitted to",
      options: [
        { value: "three", label: "the first three" },
        { value: "ruler", label: "a ruler" },
        { value: "six", label: "all six" },
      ],
      value: this.state.fit,
      onChange: (fit) => this.set({ fit }),
    });
    this.hint = "A dot: three runs of one size. Rings: what was to be predicted.";
    this.note = el("p", { class: "live-note scale-note" }, this.hint);
    this.lines = Array.from({ length: 4 }, () => [el("dt"), el("dd")]);
    this.append(
      el("div", { class: "scale-chart" }, this.chart, ...this.dots),
      this.slider.element,
      this.note,
      el("dl", { class: "live-lines" }, ...this.lines.map((line) => el("div", {}, ...line))),
      this.fit.element,
    );
  }

  show({ size, fit: name }) {
    const { sizes, losses, fits } = this.opening;
    const fit = fits[name];
    const last = sizes[fit.last];
    this.slider.set(Math.log10(size));
    this.fit.set(name);
    this.#draw(fit, size);

    const { loss, low, high } = predict(fit, size);
    const place = sizes.indexOf(size);
    const kind = size <= last ? "Fitted" : size <= sizes[5] ? "Predicted" : "Projected";
    const off = place < 0 ? 0 : loss / mean(losses[place]) - 1;
    const lines = [
      [kind, `${number(loss, 3)} nats (${number(low, 3)} to ${number(high, 3)})`],
      [
        "Measured",
        place < 0 ? "not here" : `${number(mean(losses[place]), 3)} nats, ${number(100 * Math.abs(off), 1)}% off`,
      ],
      fit.law.floor
        ? [`Above the floor of ${number(fit.law.floor, 3)}`, `${number(loss - fit.law.floor, 3)} nats`]
        : ["Floor", "none: a straight line on these axes"],
      ["Times the third's computing", times(size / sizes[2])],
    ];
    lines.forEach(([term, words], row) => {
      this.lines[row][0].textContent = term;
      this.lines[row][1].textContent = words;
    });
    this.say(`${sizeInWords(size)} parameters. ${lines.map((line) => line.join(": ")).join(". ")}.`);
  }

  #draw(fit, size) {
    const { sizes } = this.opening;
    const [first, known] = [sizes[fit.first], sizes[fit.last]];
    const along = (from, to) => Array.from({ length: 41 }, (_, i) => from * (to / from) ** (i / 40));
    const line = (from, to) => path(along(from, to).map((n) => [x(n), height(lossOf(fit.law, n))]));
    const side = (key) => along(known, LARGEST).map((n) => [x(n), height(predict(fit, n)[key])]);
    const { loss, low, high } = predict(fit, size);
    const [here, top, bottom] = [x(size), height(high), height(low)];
    const range = `M${here - 9} ${top}h18m-18 ${bottom - top}h18M${here} ${top}V${bottom}`;
    this.curve.replaceChildren(
      svg("path", { d: `${path([...side("high"), ...side("low").reverse()])}Z`, class: "scale-band" }),
      svg("path", { d: line(first, known), class: "scale-line" }),
      svg("path", { d: line(known, LARGEST), class: "scale-line scale-dashed" }),
      svg("text", { x: x(1e8), y: y(1.28), class: "c1-fill scale-middle" }, "projected"),
      svg("path", { d: `M${here} ${BOTTOM}V${height(loss)}`, class: "scale-here" }),
      svg("path", { d: range, class: "scale-range" }),
      svg("rect", { x: here - 3, y: height(loss) - 3, width: 6, height: 6, class: "scale-square" }),
    );
  }
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

customElements.define("live-scale", Scale);

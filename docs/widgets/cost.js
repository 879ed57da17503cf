// What training a GPT would cost: the sums of gptbook.machine.cost and gptbook.models.sizes, term by term, as a bill.
import { LivePiece, choice, el, number, select, slider } from "./piece.js";

const BUDGET = 5; // dollars
const HEAD_DIM = 128; // as in the recipe: 6 heads for a width of 768
const RECIPE_STEPS = 7_300; // those of gpt2-124m
const ROUND_STEPS = [2, 3, 4, 5].flatMap((power) => [10, 15, 22, 33, 46, 70].map((first) => first * 10 ** (power - 1)));
const STEPS = [...ROUND_STEPS, RECIPE_STEPS].sort((a, b) => a - b);
const GPUS = [1, 2, 4, 8];
const RANGES = { layers: [1, 48, 1], width: [128, 2560, 128], share: [5, 100, 1] };
const WORDS = [
  [1e12, "trillion"],
  [1e9, "billion"],
  [1e6, "million"],
];

/** 855 million: a few digits, and a word for the rest. */
export function inWords(value, digits = 3) {
  const [unit, word] = WORDS.find(([size]) => value >= size * 0.9995) ?? [1, ""];
  return `${Number((value / unit).toPrecision(digits)).toLocaleString("en-US")} ${word}`.trim();
}

/** A time in the units that a reader would name; as gptbook.machine.cost.duration. */
export function duration(seconds) {
  if (seconds < 99.5) return `${number(seconds)} seconds`;
  if (seconds < 99.5 * 60) return `${number(seconds / 60)} minutes`;
  if (seconds < 48 * 3600) return `${number(seconds / 3600, 1)} hours`;
  return `${number(seconds / 86_400, 1)} days`;
}

/** What a job takes: gptbook.machine.cost.estimate of the recipe's form, in the same order, to the last digit. */
export function estimate(opening, { layers, width, steps, gpu: name, gpus, share }) {
  const { vocab_size: vocab, context_length: context, batch_size: batch } = opening;
  const gpu = opening.gpus.find((row) => row.name === name);
  const matrices = layers * 12 * width ** 2; // four for attention, and two of four times the width
  const flopsPerToken = 3 * (2 * (matrices + vocab * width) + 4 * layers * context * width);
  const tokens = steps * batch * context;
  const peak = gpu.bf16_tflops * 1e12;
  const speed = gpus * (share / 100) * gpu.bf16_tflops * 1e12;
  const seconds = Number(BigInt(tokens) * BigInt(flopsPerToken)) / speed; // the product is past 2 ** 53
  const dollars = (price, setup = 0) => price && (seconds / 3600 + setup) * price * gpus;

  const pairs = Math.floor(layers / 2); // of opposite blocks
  const parameters = matrices + 2 * vocab * width + 3 * layers + pairs;
  const [dim, hidden, head, rest, outside, pair] = opening.kept_bytes[gpu.precision];
  const perToken =
    layers * (dim * width + hidden * 4 * width + (head * width) / HEAD_DIM) +
    (layers * rest + outside * width + 16 + pairs * pair * width + opening.logit_bytes[gpu.precision] * vocab);
  const copies = gpu.precision === "bfloat16" ? 2 * (matrices + vocab * width) : 0;
  const fixed = 8 * parameters + copies + 8 * (parameters - matrices) + 4 * matrices;
  const memory = (sequences) => fixed + sequences * context * perToken;
  let sequences = batch / gpus;
  const setup = dollars(gpu.price_per_hour_usd, opening.setup_hours) - dollars(gpu.price_per_hour_usd);
  while (sequences >= 1 && memory(sequences) > opening.usable_share * Math.trunc(gpu.memory_gb * 1e9)) sequences /= 2;
  return {
    parameters,
    flopsPerToken,
    tokens,
    peak,
    seconds,
    dollars: dollars(gpu.price_per_hour_usd),
    low: dollars(gpu.price_low_usd),
    high: dollars(gpu.price_high_usd),
    withSetup: dollars(gpu.price_per_hour_usd, opening.setup_hours),
    sequences: Math.trunc(sequences), // 0: not even one text at a time fits
    memory: memory(Math.max(1, Math.trunc(sequences))),
    // tokens, when the setup is paid for
    bought: gpu.price_per_hour_usd && (Math.max(0, BUDGET - setup) / dollars(gpu.price_per_hour_usd)) * tokens,
  };
}

const nearest = (values, wanted) =>
  values.reduce((best, value) => (Math.abs(value - wanted) < Math.abs(best - wanted) ? value : best));
const money = (dollars) => `$${number(dollars, dollars < 1000 ? 2 : 0)}`;

export default class Cost extends LivePiece {
  static title = "What would it cost?";
  static state = { layers: 12, width: 768, steps: RECIPE_STEPS, gpu: "h100", gpus: 1, share: 39 };

  check(state) {
    for (const [key, [low, high, step]] of Object.entries(RANGES)) {
      state[key] = Math.min(high, Math.max(low, Math.round(state[key] / step) * step));
    }
    state.steps = nearest(STEPS, state.steps);
    state.gpus = nearest(GPUS, state.gpus);
    if (!this.opening.gpus.some((row) => row.name === state.gpu)) state.gpu = this.defaults.gpu;
    return state;
  }

  open({ gpus, batch_size: batch, context_length: context }) {
    const range = (key, label, format) => {
      const [min, max, step] = RANGES[key];
      const onInput = (value) => this.set({ [key]: value });
      return slider({ label, min, max, step, value: this.state[key], format, onInput });
    };
    this.sliders = {
      layers: range("layers", "Blocks", String),
      width: range("width", "Width", (width) => number(width)),
      steps: slider({
        label: "Tokens",
        min: 0,
        max: STEPS.length - 1,
        step: 1,
        value: STEPS.indexOf(this.state.steps),
        format: (place) => inWords(STEPS[place] * batch * context, 2),
        onInput: (place) => this.set({ steps: STEPS[place] }),
      }),
      share: range("share", "Share of peak", (share) => `${share}%`),
    };
    const short = (name) => name.replace(/GeForce |NVIDIA |Tesla |SXM /, "");
    this.gpu = select({
      label: "GPU",
      options: gpus.map((gpu) => ({ value: gpu.name, label: short(gpu.full_name) })),
      value: this.state.gpu,
      onChange: (gpu) => this.set({ gpu }),
    });
    this.many = choice({
      label: "How many",
      options: GPUS.map((value) => ({ value, label: String(value) })),
      value: this.state.gpus,
      onChange: (value) => this.set({ gpus: value }),
    });
    this.prices = gpus.map((gpu) => el("p", { class: "live-note" }, priceOf(gpu)));
    this.sources = el("p");
    this.lines = {};
    const line = (key, label, kind = "") => {
      this.lines[key] = el("dd");
      return el("div", { class: kind }, el("dt", {}, label), this.lines[key]);
    };
    this.fill = el("span", { class: "cost-fill" });
    const track = el("div", { class: "cost-track", "aria-hidden": "true" }, this.fill);
    this.buys = el("p");
    this.append(
      el(
        "div",
        { class: "cost-controls" },
        this.gpu.element,
        this.many.element,
        ...Object.values(this.sliders).map(({ element }) => element),
      ),
      el(
        "dl",
        { class: "live-lines" },
        line("parameters", "Parameters"),
        line("memory", "Fits in GPU memory"),
        line("flopsPerToken", "FLOPs a token", "cost-first"),
        line("tokens", "× tokens"),
        line("peak", "÷ peak, FLOPs a second"),
        line("share", "÷ share of peak"),
        line("gpus", "÷ GPUs"),
        line("time", "= time, projected", "cost-sum"),
        line("price", "× GPUs × price an hour"),
        line("dollars", "= training, projected", "cost-sum"),
        line("setup", "+ setup, assumed"),
        line("total", "= cost, projected", "cost-sum"),
      ),
      el("div", { class: "cost-buys" }, this.buys, track),
      el("div", { class: "cost-prices" }, ...this.prices),
      el("details", { class: "live-note" }, el("summary", {}, "Sources"), this.sources),
    );
  }

  show(state) {
    const { opening, lines } = this;
    const gpu = opening.gpus.find((row) => row.name === state.gpu);
    const e = estimate(opening, state);
    for (const key of ["layers", "width", "share"]) this.sliders[key].set(state[key]);
    this.sliders.steps.set(STEPS.indexOf(state.steps));
    this.gpu.set(state.gpu);
    this.many.set(state.gpus);
    const priced = gpu.price_per_hour_usd !== null;
    lines.flopsPerToken.textContent = inWords(e.flopsPerToken);
    lines.tokens.textContent = inWords(e.tokens);
    lines.peak.textContent = inWords(e.peak);
    lines.share.textContent = number(state.share / 100, 2);
    lines.gpus.textContent = state.gpus;
    lines.time.textContent = duration(e.seconds);
    lines.price.textContent = priced ? `${state.gpus} × ${money(gpu.price_per_hour_usd)}` : "no offer";
    lines.dollars.textContent = priced ? money(e.dollars) : "unknown";
    lines.setup.textContent = priced ? money(e.withSetup - e.dollars) : "unknown";
    lines.total.textContent = priced ? money(e.withSetup) : "unknown";

    lines.parameters.textContent = inWords(e.parameters);
    // What does not fit is told as the memory that would do.
    const needed = `no: needs ${number(e.memory / opening.usable_share / 1e9)} GB`;
    lines.memory.textContent = e.sequences ? `${e.sequences} ${e.sequences > 1 ? "texts" : "text"} at once` : needed;
    lines.memory.className = e.sequences ? "" : "cost-no";

    const part = priced ? e.bought / e.tokens : 0;
    this.fill.style.width = `${100 * Math.min(1, part)}%`;
    const percent = part === 0 ? "0" : part < 0.01 ? "<1" : Math.min(99, Math.round(100 * part));
    this.buys.textContent = !priced
      ? "Five dollars: no price is known."
      : part < 1
        ? `Five dollars buy ${percent}%: ${inWords(e.bought)} tokens.`
        : `Five dollars buy it ${part < 2 ? "once" : `${inWords(Math.floor(part))} times`}.`;
    this.prices.forEach((price, place) => price.classList.toggle("cost-here", opening.gpus[place] === gpu));
    this.sources.textContent = [
      priced ? `Price: ${gpu.offers}; ${gpu.price_source}.` : "",
      `Peak: ${gpu.spec_source}.`,
      `Share: four published runs reached ${number(100 * opening.published_share)}% or a little more.`,
      priced ? `Setup: ${number(60 * opening.setup_hours)} minutes, assumed.` : "",
    ].join(" ");
    const told = [duration(e.seconds), lines.total.textContent, this.buys.textContent].join(", ");
    this.say(`Projected: ${told} Fits in memory: ${lines.memory.textContent}.`);
  }
}

/** The price of an hour, with its range and its date. */
function priceOf(gpu) {
  if (gpu.price_per_hour_usd === null) return `${gpu.full_name}: no price in the table.`;
  const date = new Date(gpu.price_date).toLocaleDateString("en-US", { dateStyle: "long", timeZone: "UTC" });
  const one = `${money(gpu.price_per_hour_usd)} an hour, ${date}`;
  const offers = gpu.offers.split(";").length;
  if (offers === 1) return `${one}: one offer.`;
  return `${one}: the median of ${offers} offers, ${money(gpu.price_low_usd)} to ${money(gpu.price_high_usd)}.`;
}

customElements.define("live-cost", Cost);

// The tower of a small GPT with its own numbers: a line for each letter, which begins at the bottom and is added to on its
// way up. Every running sum and every hidden unit is there, as a cell of colour.
import { percent, svg } from "./piece.js";

const WIDTH = 340;
const LEFT = 91;
const RIGHT = 60;
const STEP = { letter: 24, look: 50, sum: 34, think: 34, top: 44 }; // heights of the levels
const SHADES = 5;
const LINE_GAP = 3; // between a line and the cells beside it
const OUT = 7; // so far from its line stands an MLP
const TALL = 1.3; // a cell is higher than wide
const ATTENTION = ["lookNorm", "qkv", "score", "share", "found", "attention"];
const MLP = ["thinkNorm", "wide", "bent", "mlp"];
const TOP = ["norm", "scores", "guess", "drawn"];

/** The levels from bottom to top: {kind, block, kinds, opens, y}: the stations that stand there, and which is first shown. */
function levelsOf(blocks) {
  const levels = [
    { kind: "letter", block: 0, kinds: ["letter"], opens: "letter", height: STEP.letter },
    { kind: "start", block: 0, kinds: ["token", "place"], opens: "place", height: STEP.sum },
  ];
  for (let block = 0; block < blocks; block++) {
    levels.push(
      { kind: "look", block, kinds: ATTENTION, opens: "share", height: STEP.look },
      { kind: "looked", block, kinds: ["looked"], opens: "looked", height: STEP.sum },
      { kind: "think", block, kinds: MLP, opens: "bent", height: STEP.think },
      { kind: "thought", block, kinds: ["thought"], opens: "thought", height: STEP.sum },
    );
  }
  levels.push({ kind: "top", block: 0, kinds: TOP, opens: "guess", height: STEP.top });
  let y = levels.reduce((all, { height }) => all + height, 0);
  for (const level of levels) level.y = (y -= level.height) + level.height / 2;
  return levels;
}

/**
 * A tower of so many blocks. `show` draws the numbers of a text, `mark` only says where one is. `onPick(level, column)`
 * is called for the level and the letter that were touched.
 */
export function tower(blocks, onPick) {
  const levels = levelsOf(blocks);
  const labels = []; // of each level, with the code of what can be switched off there
  const bottom = levels[0].y + levels[0].height / 2;
  const at = (kind, block = 0) => levels.find((level) => level.kind === kind && level.block === block);
  const paths = Array.from({ length: 2 * SHADES }, (_, i) =>
    svg("path", { class: i < SHADES ? "tower-plus" : "tower-minus", "fill-opacity": (0.12 + (0.88 * ((i % SHADES) + 1)) / SHADES).toFixed(2) }),
  );
  const ground = svg("path", { class: "tower-ground" });
  const lines = svg("path", { class: "tower-line" });
  const loops = svg("path", { class: "tower-loop" });
  const flows = svg("g", { class: "tower-flow" });
  const asks = svg("path", { class: "tower-asks" });
  const frame = svg("rect", { class: "tower-frame", rx: 4 });
  const dot = svg("circle", { class: "tower-dot", r: 5 });
  const letters = svg("g", {});
  const says = svg("g", {});
  const drawn = svg("text", { x: WIDTH, y: at("top").y, class: "chosen", "text-anchor": "end" });
  const element = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${bottom}`, role: "img", class: "tower" },
    ...house(),
    asks,
    lines,
    flows,
    ground,
    ...paths,
    loops,
    frame,
    dot,
    letters,
    says,
    drawn,
  );
  element.addEventListener("click", pick);
  let xs = [];
  let sure = ""; // of the guess at the top
  let width = 0; // of the cells beside a line

  /** What stands there whatever the text is: two boxes, and words for the levels. */
  function house() {
    const parts = [];
    for (let block = 0; block < blocks; block++) {
      const top = at("thought", block).y - STEP.sum / 2 + 1;
      const height = at("look", block).y + STEP.look / 2 - top - 1;
      parts.push(svg("rect", { class: "tower-block", x: LEFT - 4, y: top, width: WIDTH - LEFT - RIGHT + 8, height, rx: 8 }));
    }
    for (const { kind, block, y } of levels) {
      const word = { start: "sum", look: "attention", looked: "+ sum", think: "MLP", thought: "+ sum" }[kind];
      if (!word) continue;
      const label = svg("text", { x: 17, y: y + 5, class: kind === "look" || kind === "think" ? "" : "muted" }, word);
      labels.push([`b${block + 1}${kind === "look" ? "attention" : "mlp"}`, label]);
      parts.push(label);
      if (kind === "think") {
        const middle = y + 22;
        parts.push(svg("text", { x: 6, y: middle, class: "tower-name", "text-anchor": "middle", transform: `rotate(-90 6 ${middle})` }, `block ${block + 1}`));
      }
    }
    return parts;
  }

  function pick(event) {
    const box = element.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const y = ((event.clientY - box.top) / box.height) * bottom;
    const level = levels.find((one) => Math.abs(one.y - y) <= one.height / 2) ?? levels[0];
    const nearest = xs.reduce((best, column, i) => (Math.abs(column - x) < Math.abs(xs[best] - x) ? i : best), 0);
    onPick(level, nearest);
  }

  /** Cells of colour: the numbers of one place, to the right of x, around y. */
  function heat(strings, values, columns, x, y, cell, most) {
    const rows = values.length / columns;
    const tall = cell * TALL;
    const top = y - (rows * tall) / 2;
    const [w, h] = [columns * cell, rows * tall];
    const box = `h${(cell * 0.93).toFixed(2)}v${(tall * 0.93).toFixed(2)}h-${(cell * 0.93).toFixed(2)}z`;
    for (let i = 0; i < values.length; i++) {
      const shade = Math.min(Math.ceil((SHADES * Math.abs(values[i])) / most - 0.5), SHADES);
      if (shade < 1) continue;
      const to = (values[i] < 0 ? SHADES : 0) + shade - 1;
      strings[to] += `M${(x + (i % columns) * cell).toFixed(1)} ${(top + Math.floor(i / columns) * tall).toFixed(1)}${box}`;
    }
    return `M${(x - 1).toFixed(1)} ${(top - 1).toFixed(1)}h${(w + 2).toFixed(1)}v${(h + 2).toFixed(1)}h-${(w + 2).toFixed(1)}z`;
  }

  /**
   * `symbols` (T), the column `t` that asks, `sums(level, column)` and `units(block, column)` of numbers, `shares(block)` of
   * the letter that asks, `guesses` {label, probability} of each column, `lens` of the asking one at each running sum; `off` has the codes of trace.js.
   */
  function show({ symbols, t, sums, units, shares, heads, off, guesses, lens }) {
    const T = symbols.length;
    const room = WIDTH - LEFT - RIGHT - OUT;
    const pitch = Math.min(room / T, 56);
    const cell = Math.min(5.4, Math.max(pitch - LINE_GAP - OUT - 2, 0.7 * pitch) / 8);
    width = 8 * cell;
    xs = symbols.map((_, i) => LEFT + (room - pitch * T) / 2 + pitch * i + 3);
    const strings = paths.map(() => "");
    let grounds = "";
    let verticals = "";
    let loop = "";
    for (const level of levels) {
      const { kind, block, y } = level;
      const rest = ["letter", "look", "top"].includes(kind);
      const all = rest ? [] : symbols.map((_, i) => (kind === "think" ? units(block, i) : sums(kind, block, i)));
      const most = all.reduce((best, values) => values.reduce((a, b) => Math.max(a, Math.abs(b)), best), 1e-9) * 0.8;
      all.forEach((values, i) => {
        const isMLP = kind === "think";
        const columns = isMLP ? 16 : 8;
        const x = xs[i] + LINE_GAP + (isMLP ? OUT - LINE_GAP : 0);
        grounds += heat(strings, values, columns, x, y, width / columns, most);
        // An MLP reads the line from below, and adds to it above.
        if (isMLP) loop += `M${xs[i]} ${y + 14}q0 -5 ${OUT} -5V${y - 9}q-${OUT} 0 ${-OUT} -5`;
      });
    }
    xs.forEach((x) => (verticals += `M${x.toFixed(1)} ${at("letter").y - 10}V${at("top").y + 8}`));
    paths.forEach((path, i) => path.setAttribute("d", strings[i]));
    ground.setAttribute("d", grounds);
    lines.setAttribute("d", verticals);
    loops.setAttribute("d", loop);

    flows.replaceChildren();
    for (let block = 0; block < blocks; block++) {
      const { y } = at("look", block);
      const [low, high] = [y + STEP.look / 2 - 3, y - STEP.look / 2 + 3];
      const given = shares(block);
      const to = xs[t];
      given.forEach((share, s) => {
        if (share < 0.01) return;
        const from = xs[s];
        // What a letter takes from itself leaves its line for a moment, to be seen.
        const d = s === t ? `M${to} ${low}C${to + 18} ${low - 6} ${to + 18} ${high + 6} ${to} ${high}` : `M${from} ${low}C${from} ${(low + high) / 2} ${to} ${(low + high) / 2 + 6} ${to} ${high}`;
        flows.append(svg("path", { d, "stroke-width": (1 + 8 * share).toFixed(1), "stroke-opacity": (0.25 + 0.65 * share).toFixed(2) }));
      });
    }
    const words = (x, y, text, kind = "", anchor = "middle") => svg("text", { x, y, class: kind, "text-anchor": anchor }, text);
    const small = pitch < 15;
    const middle = width / 2;
    letters.replaceChildren(
      ...symbols.map((symbol, i) =>
        words(xs[i] + middle, at("letter").y + 6, symbol.length > 1 ? (pitch > 36 ? symbol : "·") : symbol, i === t ? "chosen" : ""),
      ),
      ...guesses.map(({ label }, i) =>
        small && i !== t ? "" : words(xs[i] + middle, at("top").y, label.length > 1 && pitch < 30 ? "·" : label, i === t ? "chosen" : "muted"),
      ),
      words(17, at("top").y, "best guess", "tower-says", "start"),
    );
    says.replaceChildren(
      ...lens.map(({ kind, block, label, probability }) => words(WIDTH, at(kind, block).y + 5, `${label} ${percent(probability)}`, "tower-says", "end")),
      ...heads.map((head, block) => words(17, at("look", block).y + 23, `head ${head}`, "tower-says", "start")),
    );
    sure = percent(guesses[t].probability);
    for (const [code, label] of labels) label.classList.toggle("tower-off", off.includes(code) && !label.matches(".muted"));
    asks.setAttribute("d", `M${xs[t] - 4} ${bottom - 2}h${width + OUT + 6}V2h-${width + OUT + 6}z`);
    element.setAttribute(
      "aria-label",
      `A tower with a line for each of: ${symbols.join(", ")}. The line of ${symbols[t]} goes up through ${blocks} blocks, and ` +
        `its guess at the top is ${guesses[t].label}, with ${percent(guesses[t].probability)}.`,
    );
  }

  /** Where one is: the station's level is framed, and a dot stands on the line, higher with each station. */
  function mark(kind, block, t, what = "") {
    drawn.textContent = what || sure;
    const level = levels.find((one) => one.kinds.includes(kind) && (one.block === block || one.kinds === TOP));
    const place = level.kinds.indexOf(kind);
    const x = xs[t];
    const wide = level.kind === "look";
    const [left, right] = [(wide ? xs[0] : x) - 5, (wide ? xs.at(-1) : x) + width + OUT + 3];
    Object.entries({ x: left, y: level.y - level.height / 2 + 2, width: right - left, height: level.height - 4 }).forEach(
      ([name, value]) => frame.setAttribute(name, value),
    );
    const y = level.y + level.height * (0.4 - (0.8 * (place + 0.5)) / level.kinds.length);
    dot.style.transform = `translate(${x}px, ${y}px)`;
  }
  return { element, show, mark };
}

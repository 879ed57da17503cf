// The stations of a letter's way through a GPT: what each shows, says, and how each of its numbers came to be.
// Shapes as in the book: T positions, D model_dim, N heads, H head_dim, F mlp_dim, V vocabulary.

import { inBrackets, joined, products, range, sum, written } from "./cells.js";
import { layerNorm, linear } from "./models.js";
import { percent } from "./piece.js";
import { likeliest, softmax } from "./sampling.js";

const IN_BLOCK = "lookNorm qkv score share found attention looked thinkNorm wide bent mlp thought".split(" ");
const BELOW = ["letter", "token", "place"];

/** All stations from the letter to the next one: {kind, block}, block 0 where there is none. */
export const stationsOf = ({ num_layers }) => [
  ...BELOW.map((kind) => ({ kind, block: 0 })),
  ...Array.from({ length: num_layers }, (_, block) => IN_BLOCK.map((kind) => ({ kind, block }))).flat(),
  ...["norm", "scores", "guess", "drawn"].map((kind) => ({ kind, block: 0 })),
];

/** The stations that look at one head, and so let the reader choose which. */
export const hasHeads = (kind) => ["qkv", "score", "share", "found"].includes(kind);

/**
 * What a station shows of the asking letter, `view.t`: {title, said, grids, code, ...}. A grid is what `numberGrid` shows,
 * and may have `how(i)`, which writes out its number i as {text, lit: [[grid, index], ...]}, or `made`, the station
 * that made its numbers, as {kind, block, cell}: it can be asked there.
 */
export function station({ kind, block }, view) {
  return { kind, block, inBlock: IN_BLOCK.includes(kind), half: BELOW.includes(kind) ? "Below the blocks" : "Above the blocks", ...SHOWN[kind](view, block) };
}

/** Words for a letter: “m”, or what it is if it's none. */
export const callOf = (symbol) => (symbol.length > 1 ? `the ${symbol} mark` : `“${symbol}”`);
const ordinal = (block) => `block ${block + 1}`;

/** How number i of a layer came to be: the numbers that went in, each times its weight. */
function layerOf(view, name, input, grid, first = 0) {
  const weight = view.weights(`${name}.weight`);
  const bias = view.weights(`${name}.bias`);
  return (i) => {
    const row = first + i;
    const weights = weight.subarray(row * input.length, (row + 1) * input.length);
    const note = "The second number of each product is a learned weight.";
    return { note, ...products(input, weights, { from: (j) => [grid, j], bias: bias[row] }) };
  };
}

/** Of each kind of norm. */
function normOf(view, name, read, made, { title, said, label, source, part }) {
  const mean = sum(Array.from(read)) / read.length;
  const size = Math.sqrt(sum(Array.from(read, (value) => (value - mean) ** 2)) / read.length + 1e-5);
  const stretch = () => view.weights(`${name}.weight`);
  const shift = () => view.weights(`${name}.bias`);
  const how = (i) => ({
    text:
      `(${written(read[i])} − ${inBrackets(mean)}) / ${written(size)} · ${inBrackets(stretch()[i])} + ` +
      `${inBrackets(shift()[i])} = ${written(made[i])}`,
    lit: [[0, i]],
  });
  return {
    title,
    said: said(written(mean), written(size)),
    grids: [
      { label: `The running sum of ${view.name}`, values: read, made: source },
      { label, values: made, first: followed(view), how, part },
    ],
    code: "norm",
  };
}

/** Three grids, the third of which is the sum of the others: {label, name, block, made} of each. */
function addition(view, parts) {
  const [old, more, total] = parts.map(({ name, block }) => view.at(name, block));
  const scale = most(old, more, total); // one for all: they are added
  const how = (i) => ({ text: `${written(old[i])} + ${inBrackets(more[i])} = ${written(total[i])}`, lit: [[0, i], [1, i]] });
  const [first, second, third] = parts.map(({ label, made }, place) => ({ label, made, scale, values: [old, more, total][place] }));
  return [first, second, { ...third, first: followed(view), part: [parts[2].name, 0], how }];
}

function added(view, { before, part, after, title, said, label, sources, lens }) {
  return {
    title,
    said,
    grids: addition(view, [
      { label: `The running sum of ${view.name} so far`, name: before[0], block: before[1], made: sources[0] },
      { label, name: part[0], block: part[1], made: sources[1] },
      { label: "The running sum now", name: after[0], block: after[1] },
    ]),
    off: part[0] === "mlp" ? { name: "mlp", words: "this MLP" } : { name: "attention", words: "this attention" },
    lens,
    code: "add",
  };
}

/**
 * The number of the running sum that all stations open on, so that one can follow it from the bottom to the top: the
 * largest at the top of those whose sums are right as they are written, with two digits.
 */
function followed(view) {
  return (view.followed ??= largestPlain(view));
}

function largestPlain(view) {
  const cents = (name, block, i) => Math.round(100 * view.at(name, block)[i]);
  const sums = range(view.L).flatMap((block) => [
    [beforeBlock(block), ["attention", block], ["looked", block]],
    [["looked", block], ["mlp", block], ["thought", block]],
  ]);
  sums.unshift([["token", 0], ["place", 0], ["start", 0]]);
  const isPlain = (i) => sums.every(([a, b, c]) => cents(...a, i) + cents(...b, i) === cents(...c, i));
  const top = view.at("thought", view.L - 1);
  return likeliest(range(view.D).map((i) => (isPlain(i) ? 100 : 0) + Math.abs(top[i])));
}

/** One scale for the colours of numbers that are added. */
const most = (...rows) => Math.max(...rows.map((row) => Math.max(...Array.from(row, Math.abs))));

const beforeBlock = (block) => (block ? ["thought", block - 1] : ["start", 0]);
const startMade = (block) => (block ? { kind: "thought", block: block - 1 } : { kind: "place", block: 0 });

const SHOWN = {
  letter: (view) => ({
    title: "A letter becomes a number",
    said:
      `A model cannot read; it computes. So each of the ${view.V} symbols has a number of its own, and ` +
      `${view.name} is number ${view.ids[view.t]}. (Number 0 is the mark “·” before and after every name.)`,
    grids: [
      {
        label: "The number of each letter so far",
        values: view.ids,
        names: view.symbols,
        write: String,
        scale: Infinity, // a number that is only a name has no colour
        how: (i) => ({ text: `${view.symbols[i]} is number ${view.ids[i]} in the list of symbols`, lit: [] }),
        first: view.t,
      },
    ],
    code: "letter",
  }),

  token: (view) => {
    const values = view.at("token", 0);
    return {
      title: "Its row in the token table",
      said:
        `Number ${view.ids[view.t]} picks row ${view.ids[view.t]} of the token table: ${values.length} numbers that ` +
        `training has found for ${view.name}. It gets the same row wherever it stands.`,
      grids: [
        {
          label: `Row ${view.ids[view.t]} of the token table`,
          values,
          first: followed(view),
          part: ["token", 0],
          how: (i) => ({
            text: `Row ${view.ids[view.t]}, number ${i + 1}: ${written(values[i])}. It began as a random number, and training moved it here.`,
            lit: [],
          }),
        },
      ],
      code: "sum",
    };
  },

  place: (view) => {
    return {
      title: "Plus the row of its place",
      said:
        `Place ${view.t} has a row as well, whichever letter stands there. The two rows are added, and so the running ` +
        `sum of ${view.name} begins: its line through the tower, ${view.D} numbers wide.`,
      grids: addition(view, [
        { label: `Row of ${view.name}`, name: "token", block: 0, made: { kind: "token", block: 0 } },
        { label: `Row of place ${view.t}`, name: "place", block: 0 },
        { label: `The running sum of ${view.name} begins`, name: "start", block: 0 },
      ]),
      off: { name: "place", words: "the places" },
      lens: ["start", 0],
      code: "sum",
    };
  },

  lookNorm: (view, block) => ({
    ...normOf(view, `blocks.${block}.attention_norm`, view.at(...beforeBlock(block)), view.at("lookNorm", block), {
      title: "Norm: a copy of a handy size",
      said: (mean, size) =>
        (block
          ? `Block ${block + 1} does the same with weights of its own. But by now each line holds what was found below. `
          : `Attention reads a copy of the running sum; the sum itself stays as it is. `) +
        `The copy gets a handy size: minus its average (${mean}), divided by its typical size (${size}), then stretched and shifted, each number by a learned pair of its own.`,
      label: "The normed copy",
      source: startMade(block),
      part: ["lookNorm", 0],
    }),
    off: { name: "lookNorm", words: "this norm" },
  }),

  qkv: (view, block) => {
    const copy = view.at("lookNorm", block);
    const { head, H, D } = view;
    const part = (name) => view.at(name, block).subarray(head * H, (head + 1) * H);
    const how = (place) => layerOf(view, `blocks.${block}.attention.query_key_value`, copy, 0, place * D + head * H);
    return {
      title: "Query, key and value",
      said:
        `Attention has ${view.N} heads, and each may look for something else. Here head ${head + 1} makes three rows of ` +
        `${H} numbers out of the copy. The query says what ${view.name} is looking for. The key says by what others can ` +
        `find ${view.name}. The value is what it hands over to whoever finds it.`,
      grids: [
        { label: "The normed copy", values: copy, made: { kind: "lookNorm", block } },
        ...["Query", "Key", "Value"].map((word, place) => ({
          label: `${word}: ${["what am I looking for?", "what can I be found by?", "what do I hand over?"][place]}`,
          values: part(word.toLowerCase()),
          part: [word.toLowerCase(), head * H],
          how: how(place),
        })),
      ],
      off: { name: "found", head, words: `head ${head + 1}` },
      code: "heads",
    };
  },

  score: (view, block) => {
    const { t, H, head } = view;
    const query = view.at("query", block).subarray(head * H, (head + 1) * H);
    const keys = range(t + 1).map((s) => view.at("key", block, s).subarray(head * H, (head + 1) * H));
    const scores = view.at("score", block, t, head);
    const best = likeliest(scores);
    const later = view.T - 1 - t;
    return {
      title: "Scores: which key fits?",
      said:
        `Head ${head + 1} lays the query of ${view.name} against each key: multiply number by number, add up, and ` +
        `divide by √${H}, since a query has ${H} numbers (chapter 9 says why the root). ` +
        `${best === t ? "Its own key" : `The key of ${view.call(best)}`} fits best. ${later ? "Later letters are masked: nobody may look ahead." : ""}`,
      grids: [
        { label: `The query of ${view.name}`, values: query, made: (i) => ({ kind: "qkv", block, cell: i }) },
        {
          label: "The key of each letter that it may see",
          values: joined(keys),
          rows: view.symbols.slice(0, t + 1).map(short),
          made: (i) => ({ kind: "qkv", block, cell: H + (i % H), column: Math.floor(i / H) }),
        },
        {
          label: "The scores",
          values: scores,
          names: view.symbols.slice(0, t + 1),
          first: best,
          how: (s) => {
            const sums = products(query, keys[s], { from: (j) => [1, s * H + j], divisor: `√${H}`, over: Math.sqrt(H) });
            return { ...sums, lit: [...sums.lit, ...sums.lit.map(([, i]) => [0, i - s * H])] };
          },
        },
      ],
      off: { name: "found", head, words: `head ${head + 1}` },
      code: "weights",
    };
  },

  share: (view, block) => {
    const { t, head } = view;
    const scores = view.at("score", block, t, head);
    const shares = view.at("share", block, t, head);
    const best = likeliest(shares);
    const total = sum(Array.from(scores, Math.exp));
    const rows = range(view.T).map((row) =>
      range(view.T).map((s) => (s <= row ? view.at("share", block, row, head)[s] : NaN)),
    );
    return {
      title: "Softmax: scores become shares",
      said:
        `Raise 2.718 (the number e) to the power of each score, and divide each result by the sum of all. Now they are shares, and add up to ` +
        `1. Of all that head ${head + 1} brings to ${view.name} here, ${percent(shares[best])} comes from ` +
        `${best === t ? `${view.name} itself` : view.call(best)}.`,
      grids: [
        { label: "The scores", values: scores, names: view.symbols.slice(0, t + 1), made: { kind: "score", block } },
        {
          label: "The shares",
          values: shares,
          names: view.symbols.slice(0, t + 1),
          scale: 1,
          first: best,
          how: (s) => ({
            text: `2.718 to the power ${written(scores[s])} is ${written(Math.exp(scores[s]))}, and ${written(Math.exp(scores[s]))} / ${written(total)} = ${written(shares[s])}`,
            lit: [[0, s]],
          }),
        },
        {
          label: `All shares of head ${head + 1}: each row is a letter that looks, each column one that it looks at`,
          values: joined(rows),
          columns: view.T,
          rows: view.symbols.map(short),
          names: range(view.T ** 2).map(
            (i) => `${view.symbols[Math.floor(i / view.T)]} looks at ${view.symbols[i % view.T]}`,
          ),
          colour: true,
          scale: 1,
          asks: true,
        },
      ],
      off: { name: "found", head, words: `head ${head + 1}` },
      code: "weights",
    };
  },

  found: (view, block) => {
    const { t, H, head } = view;
    const shares = view.at("share", block, t, head);
    const values = range(t + 1).map((s) => view.at("value", block, s).subarray(head * H, (head + 1) * H));
    const found = view.at("found", block).subarray(head * H, (head + 1) * H);
    const best = likeliest(shares);
    return {
      title: "Take that share of each value",
      said:
        `Now head ${head + 1} collects. It takes the value of each letter times its share, so ${percent(shares[best])} of ` +
        `the value of ${view.call(best)}, and adds up. That makes ${H} numbers, which it brings back to ${view.name}.`,
      grids: [
        { label: "The shares", values: shares, names: view.symbols.slice(0, t + 1), scale: 1, made: { kind: "share", block } },
        {
          label: "The value of each letter that it may see",
          values: joined(values),
          rows: view.symbols.slice(0, t + 1).map(short),
          made: (i) => ({ kind: "qkv", block, cell: 2 * H + (i % H), column: Math.floor(i / H) }),
        },
        {
          label: `What head ${head + 1} brings back`,
          values: found,
          part: ["found", head * H],
          how: (i) =>
            products(shares, values.map((value) => value[i]), { from: (s) => [1, s * H + i] }),
        },
      ],
      off: { name: "found", head, words: `head ${head + 1}` },
      code: "average",
    };
  },

  attention: (view, block) => {
    const found = view.at("found", block);
    return {
      title: "The heads, joined and mixed",
      said:
        `All ${view.N} heads have brought something back, ${view.H} numbers each. They are laid side by side, and a ` +
        `learned table of weights mixes them into ${view.D} numbers: what attention will add.`,
      grids: [
        {
          label: `What the ${view.N} heads bring back, a row for each head`,
          values: found,
          columns: view.H,
          made: (i) => ({ kind: "found", block, cell: i % view.H, head: Math.floor(i / view.H) }),
        },
        {
          label: "Mixed",
          values: view.at("attention", block),
          first: followed(view),
          part: ["attention", 0],
          how: layerOf(view, `blocks.${block}.attention.output`, found, 0),
        },
      ],
      off: { name: "attention", words: "this attention" },
      code: "mix",
    };
  },

  looked: (view, block) =>
    added(view, {
      before: beforeBlock(block),
      part: ["attention", block],
      after: ["looked", block],
      title: "Added to the running sum",
      said:
        `What attention has found is added to the running sum. Nothing is replaced: the old numbers are still in there, ` +
        `and now the line of ${view.name} also holds something about the letters before it.`,
      label: "What attention adds",
      sources: [startMade(block), { kind: "attention", block }],
      lens: ["looked", block],
    }),

  thinkNorm: (view, block) => ({
    ...normOf(view, `blocks.${block}.mlp_norm`, view.at("looked", block), view.at("thinkNorm", block), {
      title: "Norm: another copy",
      said: (mean, size) =>
        `The MLP reads a normed copy, too, just as attention did: minus the average (${mean}), divided by the size ` +
        `(${size}). From here to the next sum ${view.name} is on its own; no other letter has a part in it.`,
      label: "The normed copy",
      source: { kind: "looked", block },
      part: ["thinkNorm", 0],
    }),
    off: { name: "thinkNorm", words: "this norm" },
  }),

  wide: (view, block) => {
    const copy = view.at("thinkNorm", block);
    const wide = view.at("wide", block);
    return {
      title: "MLP: many small questions",
      said:
        `The MLP has ${view.F} hidden units. Each multiplies the copy’s ${view.D} numbers by weights of its own, and adds ` +
        `up. Above 0 means “yes, my pattern is here”, and ${wide.filter((value) => value > 0).length} of the units say so.`,
      grids: [
        { label: "The normed copy", values: copy, made: { kind: "thinkNorm", block } },
        { label: `${view.F} hidden units`, values: wide, first: likeliest(wide), part: ["wide", 0], columns: 16, colour: true, how: layerOf(view, `blocks.${block}.mlp.hidden`, copy, 0) },
      ],
      off: { name: "mlp", words: "this MLP" },
      code: "mlp",
    };
  },

  bent: (view, block) => {
    const [wide, bent] = [view.at("wide", block), view.at("bent", block)];
    return {
      title: "The bend",
      said:
        `A bend (GELU) lets a clear yes pass, and holds every no back near 0, so that a unit adds something only where ` +
        `its pattern is. (Chapter 10 says why an MLP needs it.)`,
      grids: [
        { label: "Hidden units before the bend", values: wide, columns: 16, colour: true, made: { kind: "wide", block } },
        {
          label: "and after it",
          values: bent,
          part: ["bent", 0],
          columns: 16,
          colour: true,
          how: (i) => ({
            text: `${percent(bent[i] / wide[i])} of ${written(wide[i])} passes: ${written(bent[i])}`,
            lit: [[0, i]],
          }),
        },
      ],
      off: { name: "mlp", words: "this MLP" },
      code: "mlp",
    };
  },

  mlp: (view, block) => {
    const bent = view.at("bent", block);
    return {
      title: `Back to ${view.D} numbers`,
      said:
        `Each unit has a learned row of ${view.D} numbers. It multiplies that row by its own number, and the rows of all ` +
        `units are added up. So each yes turns into something for the running sum.`,
      grids: [
        { label: `${view.F} hidden units`, values: bent, columns: 16, colour: true, made: { kind: "bent", block } },
        { label: "What the MLP adds", values: view.at("mlp", block), first: followed(view), part: ["mlp", 0], how: layerOf(view, `blocks.${block}.mlp.output`, bent, 0) },
      ],
      off: { name: "mlp", words: "this MLP" },
      code: "mlp",
    };
  },

  thought: (view, block) =>
    added(view, {
      before: ["looked", block],
      part: ["mlp", block],
      after: ["thought", block],
      title: `Added again: the end of ${ordinal(block)}`,
      said:
        `The MLP’s numbers are added as well. ${block + 1 < view.L ? `The line of ${view.name} goes on into ${ordinal(block + 1)}, where all of this happens again with other learned numbers.` : `The line of ${view.name} has gone through every block.`}`,
      label: "What the MLP adds",
      sources: [{ kind: "looked", block }, { kind: "mlp", block }],
      lens: ["thought", block],
    }),

  norm: (view) => {
    const last = view.L - 1;
    return {
      ...normOf(view, "final_norm", view.at("thought", last), view.at("norm", 0), {
        title: "A last norm",
        said: (mean, size) =>
          `At the top the running sum is normed once more: minus the average (${mean}), divided by the size (${size}). ` +
          `This copy now has to say which letter comes next.`,
        label: "The normed copy",
        source: { kind: "thought", block: last },
        part: ["norm", 0],
      }),
      off: { name: "norm", words: "this norm" },
    };
  },

  scores: (view) => {
    const copy = view.at("norm", 0);
    const scores = view.at("scores", 0);
    const best = likeliest(scores);
    const row = (id) => view.weights("token_embedding.weight").subarray(id * view.D, (id + 1) * view.D);
    return {
      title: "Against each row of the table",
      said:
        `The token table from the bottom is used again. The copy is laid against the row of each of its ${view.V} ` +
        `symbols: ${view.D} products, added up, are a score. The row of ${view.name2(best)} fits best.`,
      grids: [
        { label: "The normed copy", values: copy, made: { kind: "norm", block: 0 } },
        { label: "", values: row(best) },
        {
          label: `A score for each of the ${view.V} symbols`,
          values: scores,
          names: view.labels,
          columns: 9,
          digits: 1,
          first: best,
          how: (i) => {
            const sums = products(copy, row(i), { from: (j) => [0, j] });
            const other = { label: `The row of ${view.name2(i)} in the token table`, values: row(i) };
            return { ...sums, lit: [...sums.lit, ...sums.lit.map(([, j]) => [1, j])], instead: { 1: other } };
          },
        },
      ],
      code: "scores",
    };
  },

  guess: (view) => {
    const scores = view.at("scores", 0);
    const shares = view.shares();
    const best = likeliest(shares);
    const { temperature, t, T } = view;
    const cold = temperature < 0.05;
    const total = sum(Array.from(scores, (score) => Math.exp(score / temperature)));
    const truth = t < T - 1 ? ` What really follows here, “${view.symbols[t + 1]}”, gets ${percent(shares[view.ids[t + 1]])}.` : "";
    return {
      title: "Softmax: the guess",
      said:
        `Softmax makes shares of the scores, as in attention. ${capital(view.name2(best))} gets ${percent(shares[best])}.${truth} ` +
        `The temperature divides all scores first: below 1 the best gets more, above 1 the others do.`,
      grids: [
        { label: "The scores", values: scores, names: view.labels, columns: 9, digits: 1, made: { kind: "scores", block: 0 } },
        {
          ...inPercent(view, shares),
          first: best,
          how: (i) => ({
            text: cold
              ? "At temperature 0 the best takes all."
              : `2.718 to the power (${written(scores[i])} / ${written(temperature)}), divided by the sum of all ${view.V} such numbers, ` +
                `${written(total)}, is ${written(shares[i], 3)}`,
            lit: [[0, i]],
          }),
        },
      ],
      temperature: true,
      code: "softmax",
    };
  },

  drawn: (view) => {
    const shares = view.shares();
    const { id, chance } = view.dice();
    const below = sum(Array.from(shares.slice(0, id)));
    const isLast = view.t === view.T - 1;
    const where =
      `Lay the ${view.V} shares end to end, and they fill the stretch from 0 to 1. The dice say ${written(chance, 3)}, and ` +
      `there lies ${view.name2(id)}.`;
    return {
      title: "Drawn, and written",
      said: !isLast
        ? `${capital(view.name)} isn’t the last letter, so nothing is drawn here: what follows it stands there already.`
        : id
          ? `${where} It is appended, and all begins again with a name that is one letter longer.`
          : `${where} The name is finished.`,
      grids: [
        {
          ...inPercent(view, shares),
          first: id,
          how: (i) => ({
            text:
              isLast && i === id
                ? `${view.labels[id]} reaches from ${written(below, 3)} to ${written(below + shares[id], 3)}, and ${written(chance, 3)} lies between`
                : `${view.labels[i]} has a share of ${written(shares[i], 3)}`,
            lit: [],
          }),
        },
      ],
      temperature: true,
      dice: isLast && { shares, labels: view.labels, id, chance },
      code: "draw",
    };
  },
};

/** What softmax makes of the scores, at the guess and where the dice fall. */
const inPercent = (view, shares) => ({
  label: "The share of each symbol, in percent",
  values: shares.map((share) => 100 * share),
  names: view.labels,
  columns: 9,
  digits: 0,
  scale: 100,
});

const short = (symbol) => (symbol.length > 1 ? "·" : symbol);
const capital = (text) => text[0].toUpperCase() + text.slice(1);
/** The likeliest next symbols if the last norm and the table read these numbers now: [{label, probability}]. */
export function lensOf(view, values) {
  const [weight, bias] = ["weight", "bias"].map((name) => view.weights(`final_norm.${name}`));
  const read = new Float32Array(view.D);
  const scores = new Float32Array(view.V);
  layerNorm(read, values, { weight, bias });
  linear(scores, { weight: view.weights("token_embedding.weight") }, read);
  return Array.from(softmax(scores), (probability, id) => ({ label: view.labels[id], probability })).sort(
    (a, b) => b.probability - a.probability,
  );
}

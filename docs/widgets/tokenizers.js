// From text to numbers and back: the same tokens as gptbook/tokenizer.py and gptbook/bpe.py.

import { clip, refuse } from "./safetensors.js";

const END_OF_TEXT = "<|endoftext|>";
const MARK = "."; // how token 0 is drawn, which is no letter and no word
// GPT-2's cut into words. JavaScript's \s takes other signs for blanks than Python's, hence the long name.
const WORDS = new RegExp(
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^~\p{L}\p{N}]+|[~]+(?![^~])|[~]+`.replaceAll(
    "~",
    String.raw`\p{White_Space}`,
  ),
  "gu",
);
const REMEMBERED = 20_000;

/** A text that a model cannot read: the message is a sentence for the reader, `unknown` what it does not know. */
export class BadText extends Error {
  unknown = "";
}

function complain(sentence, unknown) {
  throw Object.assign(new BadText(sentence), { unknown });
}

/**
 * The tokenizer of a description: {encode, decode, label, start, follow, vocabSize, mark, endOfText}.
 * `start(text)`: what to begin with. `follow(ids)`: a function that gives the text of each token that comes after.
 */
export function makeTokenizer(spec) {
  const kinds = { characters, words, pieces };
  if (!Object.hasOwn(kinds, spec?.kind)) refuse("its tokenizer is unknown here");
  const tokenizer = kinds[spec.kind](spec);
  const check = (id) => {
    if (tokenizer.labels[id] !== undefined) return id;
    throw new Error(`${id} is no token: tokens are 0 to ${tokenizer.labels.length - 1}.`);
  };
  return {
    ...tokenizer,
    vocabSize: tokenizer.labels.length,
    label: (id) => tokenizer.labels[check(id)],
    decode: (ids) => tokenizer.decode(Array.from(ids, check)),
  };
}

function characters({ characters }) {
  const letters = typeof characters === "string" ? Array.from(characters) : characters;
  const complaint = (letter) => `${named(letter)} is not in this model’s alphabet.`;
  const tokenizer = listed(letters, (text) => [...text], "", complaint);
  return letters.every((letter) => [...letter].length === 1) ? tokenizer : refuse("its alphabet is none");
}

function words({ words }) {
  const cut = (text) => text.split(/[\p{White_Space}\x1c-\x1f]+/u).filter(Boolean); // as Python's split
  return listed(words, cut, " ", (word) => `This model does not know the word “${clip(word)}”.`);
}

/** Tokens in a list, numbered from 1; they stand in a text with a `blank` between them. */
function listed(given, cut, blank, complaint) {
  const items = Array.isArray(given) ? given : [];
  const ids = new Map(items.map((item, place) => [item, place + 1]));
  if (!items.length || ids.size < items.length || items.some((item) => !item || typeof item !== "string")) {
    refuse("its tokenizer has no tokens, or one twice");
  }
  const number = (item) => ids.get(item) ?? complain(complaint(item), item);
  const encode = (text) => cut(text).map(number);
  const decode = (numbers) =>
    numbers
      .filter(Boolean)
      .map((id) => items[id - 1])
      .join(blank);
  const follow = (before) => {
    let between = Array.from(before).some(Boolean) ? blank : "";
    return (id) => {
      if (!id) return "";
      const text = between + decode([id]);
      between = blank;
      return text;
    };
  };
  // Names begin at the mark. A text, which has lines, has no beginning: it goes on after the end of one.
  const line = ids.get("\n");
  const start = (text) => (line ? orElse(encode(text), line) : [0, ...encode(text)]);
  return { encode, decode, follow, start, labels: [MARK, ...items], mark: 0, endOfText: null };
}

function pieces(spec) {
  const symbols = byteSymbols();
  const tokens = symbols.map(([byte]) => Uint8Array.of(byte));
  const ids = new Map(symbols.map(([, symbol], id) => [symbol, id]));
  const byteIds = [];
  symbols.forEach(([byte], id) => (byteIds[byte] = id));
  const merges = Array.isArray(spec.merges) ? spec.merges : refuse("its tokenizer has no merges");
  const size = 256 + merges.length + (spec.end_of_text ? 1 : 0);
  const merged = new Map(); // left * size + right: the token that the two make
  for (const [number, pair] of merges.entries()) {
    const [left, right] = Array.isArray(pair) ? pair.map((symbol) => ids.get(symbol)) : [];
    if (left === undefined || right === undefined || pair.length !== 2 || ids.has(pair[0] + pair[1])) {
      refuse(`its tokenizer’s merge ${number + 1} cannot be`);
    }
    ids.set(pair[0] + pair[1], tokens.length);
    merged.set(left * size + right, tokens.length);
    tokens.push(Uint8Array.of(...tokens[left], ...tokens[right]));
  }
  const endOfText = spec.end_of_text ? tokens.push(new TextEncoder().encode(END_OF_TEXT)) - 1 : null;

  const encoder = new TextEncoder();
  const remembered = new Map();
  const encodeWord = (word) => {
    let known = remembered.get(word);
    if (!known) {
      known = Array.from(encoder.encode(word), (byte) => byteIds[byte]);
      for (;;) {
        let earliest = Infinity; // a token made earlier has a smaller number: ids are ranks
        for (let i = 1; i < known.length; i++) {
          earliest = Math.min(earliest, merged.get(known[i - 1] * size + known[i]) ?? Infinity);
        }
        if (earliest === Infinity) break;
        // All places at once, from the left, in the same list.
        let kept = 0;
        for (const id of known) {
          if (kept && merged.get(known[kept - 1] * size + id) === earliest) known[kept - 1] = earliest;
          else known[kept++] = id;
        }
        known.length = kept;
      }
      if (remembered.size === REMEMBERED) remembered.clear();
      remembered.set(word, known);
    }
    return known;
  };
  const encode = (text) => {
    const broken = text.search(/\p{Cs}/u);
    if (broken >= 0) {
      const place = [...text.slice(0, broken)].length + 1;
      complain(`Character ${place} of the text is half of a character: leave it out.`, text[broken]);
    }
    return (endOfText === null ? [text] : text.split(END_OF_TEXT)).flatMap((part, place) => [
      ...(place ? [endOfText] : []),
      ...(part.match(WORDS) ?? []).flatMap(encodeWord),
    ]);
  };
  // A mark of byte order, U+FEFF, is a character of the text here, and stays.
  const decoder = () => new TextDecoder("utf-8", { ignoreBOM: true });
  const follow = (before) => {
    const open = decoder();
    const go = (id) => open.decode(tokens[id], { stream: true });
    before.forEach(go);
    return go;
  };
  return {
    encode,
    decode: (numbers) => decoder().decode(Uint8Array.from(numbers.flatMap((id) => Array.from(tokens[id])))),
    pieces: (text) => encode(text).map((id) => ({ id, bytes: tokens[id] })),
    start: (text) => orElse(encode(text), endOfText ?? byteIds[10]),
    follow,
    labels: tokens.map(drawn),
    mark: null,
    endOfText,
  };
}

/** [byte, the character that stands for it in GPT-2's files], in the order of ids: first those that print. */
export function byteSymbols() {
  const prints = (byte) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const rest = bytes.filter((byte) => !prints(byte)).map((byte, place) => [byte, String.fromCharCode(256 + place)]);
  return [...bytes.filter(prints).map((byte) => [byte, String.fromCharCode(byte)]), ...rest];
}

const orElse = (ids, first) => (ids.length ? ids : [first]);
const escape = (letter, number, digits) => `\\${letter}${number.toString(16).padStart(digits, "0")}`;

/** What to draw for a token's bytes: a space as ␣, what does not print and half letters as Python escapes them. */
function drawn(bytes) {
  let text = "";
  for (let i = 0, length; i < bytes.length; i += length) {
    length = 1 + [0xc2, 0xe0, 0xf0].filter((least) => bytes[i] >= least).length;
    try {
      text += new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.slice(i, i + length));
    } catch {
      length = 1;
      text += escape("x", bytes[i], 2);
    }
  }
  return text.replaceAll(" ", "␣").replace(/[\p{C}\p{Z}]/gu, shownCode);
}

function shownCode(character) {
  const code = character.codePointAt(0);
  const short = { 9: "\\t", 10: "\\n", 13: "\\r" }[code];
  if (short) return short;
  return code < 256 ? escape("x", code, 2) : code < 65536 ? escape("u", code, 4) : escape("U", code, 8);
}

function named(character) {
  if (/\p{L}/u.test(character)) return `The letter ${character}`;
  if (character === " ") return "A blank";
  return `The character ${/[\p{C}\p{Z}]/u.test(character) ? shownCode(character) : character}`;
}

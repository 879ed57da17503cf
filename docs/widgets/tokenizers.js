// From text to numbers and back: the same tokens as gptbook/data/tokenizer.py and gptbook/data/bpe.py.

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
// Letters that Unicode does not take apart, as maps write them in a to z: Gießen is giessen, Tromsø is tromso.
const NO_ACCENT = Object.fromEntries(
  "ß ss,æ ae,œ oe,ø o,ł l,đ d,ð d,þ th,ħ h,ŧ t,ŋ n,ı i,ĸ q,ə e".split(",").map((pair) => pair.split(" ")),
);
const REMEMBERED = 20_000;
const LONGEST_REMEMBERED = 100; // bytes of a word

/** A text that a model cannot read: the message is a sentence for the reader, `unknown` what it does not know. */
export class BadText extends Error {
  unknown = "";
}

const badText = (sentence, unknown) => Object.assign(new BadText(sentence), { unknown });

function complain(...given) {
  throw badText(...given);
}

/**
 * The tokenizer of a description: {encode, decode, label, start, sift, follow, vocabSize, mark, end, spec}.
 * `start(text)`: what to begin with. `follow(ids)`: a function that gives the text of each token that comes after.
 * `sift(text)`: {known, folded, problem}, the text without what it cannot read, whether letters stand in it for others
 * that an alphabet lacks, and the error that names the first of what was left out.
 * `end`: the token at which `gptbook sample` stops, or null. `spec`: all of the description that is used.
 *
 * What a reader types comes as single characters (é, NFC) or in parts (e and an accent, NFD): `start` and `sift` take
 * both for one text, NFC, and find it in an alphabet of either kind. `encode` takes the text of pieces as it is.
 */
export function makeTokenizer(spec) {
  const kinds = { characters, words, pieces };
  if (!Object.hasOwn(kinds, spec?.kind)) refuse("its tokenizer is unknown here");
  const tokenizer = kinds[spec.kind](spec);
  const { vocabSize } = tokenizer;
  const check = (id) => {
    if (Number.isInteger(id) && id >= 0 && id < vocabSize) return id;
    throw new Error(`${id} is no token: tokens are 0 to ${vocabSize - 1}.`);
  };
  return {
    ...tokenizer,
    start: (text) => tokenizer.start(text.normalize()),
    sift: (text) => tokenizer.sift(text.normalize()),
    label: (id) => tokenizer.label(check(id)),
    decode: (ids) => tokenizer.decode(Array.from(ids, check)),
  };
}

function characters({ kind, characters }) {
  const letters = typeof characters === "string" ? Array.from(characters) : characters;
  const complaint = (letter) => `${named(letter)} is not in this model’s alphabet.`;
  const tokenizer = listed(letters, (text) => [...text], "", complaint);
  if (!letters.every((letter) => [...letter].length === 1)) refuse("its alphabet is none");
  // Chapters publish alphabets of names as one string, runs of a text are exported with a list. Names begin at the mark
  // and end there; a text, which has lines, has neither: it goes on after the end of one.
  const line = tokenizer.number("\n");
  const isText = line || Array.isArray(characters);
  const start = (text) => orElse(tokenizer.encode(text), line ?? 1);
  return { ...tokenizer, ...(isText ? { start, end: null } : {}), spec: { kind, characters } };
}

function words({ kind, words }) {
  const cut = (text) => text.split(/[\p{White_Space}\x1c-\x1f]+/u).filter(Boolean); // as Python's split
  const complaint = (word) => `This model does not know the word “${clip(word)}”.`;
  return { ...listed(words, cut, " ", complaint), spec: { kind, words } };
}

/** Tokens in a list, numbered from 1; they stand in a text with a `blank` between them. */
function listed(given, cut, blank, complaint) {
  const items = Array.isArray(given) ? given : [];
  const ids = new Map(items.map((item, place) => [item, place + 1]));
  if (!items.length || ids.size < items.length || items.some((item) => !item || typeof item !== "string")) {
    refuse("its tokenizer has no tokens, or one twice");
  }
  const composed = new Map(items.map((item) => [item.normalize(), ids.get(item)]));
  const number = (item) => ids.get(item) ?? composed.get(item.normalize());
  const all = (parts) => (parts.every(number) ? parts : []);
  /** The item, or its parts where only these are in the list. */
  const found = (item) => (number(item) ? [item] : blank ? [] : all([...item.normalize("NFD")]));
  /** The letters of the list that are read for an item: its own, or those without its accent, or the small ones. */
  const near = (item) => {
    const spelled = blank ? [] : [item, item.toLowerCase()].map((one) => all([...foldLetter(one)]));
    return [found(item), ...spelled].find((parts) => parts.length) ?? [];
  };
  const encode = (text) =>
    cut(text).flatMap((item) => {
      const parts = found(item);
      return parts.length ? parts.map(number) : complain(complaint(item), item);
    });
  const sift = (text) => {
    const items = cut(text);
    const wrong = items.find((item) => !near(item).length);
    const folded = items.some((item) => !found(item).length && near(item).length);
    if (wrong === undefined && !folded) return { known: text, folded, problem: null };
    const problem = wrong === undefined ? null : badText(complaint(wrong), wrong);
    return { known: items.flatMap(near).join(blank), folded, problem };
  };
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
  const start = (text) => [0, ...encode(text)];
  const label = (id) => (id ? items[id - 1] : MARK);
  return { encode, decode, follow, start, sift, label, number, vocabSize: items.length + 1, mark: 0, end: 0 };
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
    const both = new Uint8Array(tokens[left].length + tokens[right].length);
    both.set(tokens[left]);
    both.set(tokens[right], tokens[left].length);
    tokens.push(both);
  }
  const end = spec.end_of_text ? tokens.push(new TextEncoder().encode(END_OF_TEXT)) - 1 : null;

  const encoder = new TextEncoder();
  const labels = []; // of those that were asked for
  const remembered = new Map();
  const encodeWord = (word) => {
    let known = remembered.get(word);
    if (!known) {
      known = mergeAll(
        Array.from(encoder.encode(word), (byte) => byteIds[byte]),
        (left, right) => merged.get(left * size + right),
      );
      if (word.length > LONGEST_REMEMBERED) return known;
      if (remembered.size === REMEMBERED) remembered.clear();
      remembered.set(word, known);
    }
    return known;
  };
  const encode = (text) => {
    const { problem } = sift(text);
    if (problem) throw problem;
    return (end === null ? [text] : text.split(END_OF_TEXT)).flatMap((part, place) => [
      ...(place ? [end] : []),
      ...(part.match(WORDS) ?? []).flatMap(encodeWord),
    ]);
  };
  const sift = (text) => {
    const broken = text.search(/\p{Cs}/u);
    if (broken < 0) return { known: text, folded: false, problem: null };
    const place = [...text.slice(0, broken)].length + 1;
    const sentence = `Character ${place} of the text is half of a character: leave it out.`;
    return { known: text.replace(/\p{Cs}/gu, ""), folded: false, problem: badText(sentence, text[broken]) };
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
    start: (text) => orElse(encode(text), end ?? byteIds[10]),
    sift,
    follow,
    label: (id) => (labels[id] ??= drawn(tokens[id])),
    vocabSize: tokens.length,
    mark: null,
    end,
    spec: { kind: spec.kind, merges, end_of_text: end !== null },
  };
}

/**
 * The tokens of one word, merged: always the earliest merge, at its leftmost place. A token made earlier has a smaller
 * number, so ids are ranks. A heap holds the places where a merge may be, so long words take little more than their
 * length: `token * length + place`, the least first.
 */
function mergeAll(ids, mergeOf) {
  const length = ids.length;
  const after = ids.map((_, place) => place + 1);
  const before = ids.map((_, place) => place - 1);
  const heap = [];
  const offer = (place) => {
    const token = mergeOf(ids[place], ids[after[place]]);
    if (token === undefined) return;
    const value = token * length + place;
    let at = heap.length;
    for (let above; at && heap[(above = (at - 1) >> 1)] > value; at = above) heap[at] = heap[above];
    heap[at] = value;
  };
  const take = () => {
    const least = heap[0];
    const last = heap.pop();
    let at = 0;
    for (let below = 1; below < heap.length; at = below, below = 2 * at + 1) {
      if (heap[below + 1] < heap[below]) below++;
      if (heap[below] >= last) break;
      heap[at] = heap[below];
    }
    if (heap.length) heap[at] = last;
    return least;
  };
  for (let place = 0; place < length - 1; place++) offer(place);
  while (heap.length) {
    const least = take();
    const place = least % length;
    const token = (least - place) / length;
    const gone = after[place];
    if (mergeOf(ids[place], ids[gone]) !== token) continue; // another merge has changed one of the two
    ids[place] = token;
    ids[gone] = undefined;
    after[place] = after[gone];
    if (after[gone] < length) before[after[gone]] = place;
    if (after[place] < length) offer(place);
    if (before[place] >= 0) offer(before[place]);
  }
  return ids.filter((id) => id !== undefined);
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

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What to draw for a token's bytes: a space as ␣, what does not print and half letters as Python escapes them. */
function drawn(bytes) {
  let text = "";
  for (let i = 0, length; i < bytes.length; i += length) {
    length = 1 + [0xc2, 0xe0, 0xf0].filter((least) => bytes[i] >= least).length;
    try {
      text += strict.decode(bytes.subarray(i, i + length));
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
  return `The character ${shown(character)}`;
}

/** The letters of a to z, large or small, that are written for one with an accent; any other sign stays what it is. */
export function foldLetter(letter) {
  if (!/^\p{L}\p{M}*$/u.test(letter)) return letter;
  const parts = [...letter.normalize("NFKD").replace(/\P{L}|\p{Lm}/gu, "")].map((part) => {
    const small = NO_ACCENT[part.toLowerCase()];
    if (!small) return part;
    return part === part.toLowerCase() ? small : small[0].toUpperCase() + small.slice(1);
  });
  return /^[a-z]+$/i.test(parts.join("")) ? parts.join("") : letter;
}

/** A character of a reader's text so that it can be seen in a sentence: \n for a line's end, an accent on a ring. */
export function shown(character) {
  if (character !== " " && /[\p{C}\p{Z}]/u.test(character)) return shownCode(character);
  return /\p{M}/u.test(character) ? `◌${character}` : character;
}

// From scores to a token: the same steps as gptbook/generation/sampling.py, in double precision as there.

/** Probabilities of scores; the likeliest are the largest. */
export function softmax(scores) {
  const best = largest(scores);
  const result = Float64Array.from(scores).map((score) => Math.exp(score - best));
  const total = result.reduce((a, b) => a + b, 0);
  return result.map((share) => share / total);
}

/**
 * The probabilities to draw with: temperature first, then the topK likeliest, then the fewest that have topP together.
 * What is null or missing is left out. Throws a sentence for a choice that cannot be.
 */
export function shape(logits, { temperature = 1, topK = null, topP = null } = {}) {
  if (!(temperature >= 0)) throw new Error(`The temperature is ${temperature}: give 0 or more.`);
  if (topK !== null && !(topK >= 1)) throw new Error(`Top-k is ${topK}: keep 1 token or more.`);
  if (topP !== null && !(topP >= 0 && topP <= 1)) throw new Error(`Top-p is ${topP}: give a probability, 0 to 1.`);
  const best = checkScores(logits);
  const scores = Float64Array.from(logits);
  const first = scores.indexOf(best);
  if (temperature === 0) return scores.map((_, id) => Number(id === first));
  // Less the best one, or a small temperature would make scores that no number holds.
  scores.forEach((score, id) => (scores[id] = (score - best) / temperature));
  if (topK !== null && topK < scores.length) {
    const least = scores.slice().sort()[scores.length - Math.floor(topK)];
    scores.forEach((score, id) => score < least && (scores[id] = -Infinity)); // as likely as the last of them: stays
  }
  if (topP !== null) {
    const ordered = scores.slice().sort();
    const shares = softmax(ordered);
    let dropped = 0; // of the least likely: topP is left without them
    for (let sum = shares[0]; sum <= 1 - topP && dropped < shares.length - 1; sum += shares[dropped]) dropped++;
    const least = ordered[dropped];
    let stay = ordered.lastIndexOf(least) - dropped + 1; // of equal ones the first
    scores.forEach((score, id) => (score < least || (score === least && stay-- < 1)) && (scores[id] = -Infinity));
  }
  return softmax(scores);
}

/** The largest score. Throws a sentence where there is none: of a NaN, an infinity, or nothing but minus infinity. */
export function checkScores(scores) {
  const best = largest(scores);
  if (Number.isFinite(best)) return best;
  throw new Error("The model’s scores are no numbers: its training has failed.");
}

const largest = (numbers) => numbers.reduce((a, b) => Math.max(a, b), -Infinity);

/** The place of the largest; of equal ones the first. */
export const likeliest = (numbers) => numbers.indexOf(largest(numbers));

/** A place in the probabilities by a number from 0 to 1: as likely as the probability there. */
export function draw(probabilities, chance) {
  let left = chance * probabilities.reduce((a, b) => a + b, 0);
  for (let id = 0; id < probabilities.length; id++) {
    left -= probabilities[id];
    if (left < 0) return id;
  }
  return likeliest(probabilities); // rounding left a rest
}

/** Random numbers from 0 to 1 (1 never comes): the same seed, the same numbers, here and in bookbuild/live.py. */
export function makeRandom(seed) {
  let state = seed | 0; // mulberry32: Tommy Ettinger 2017, public domain
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

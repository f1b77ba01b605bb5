// Cosines, probabilities and completion over all words; each answer is a list of [row, number].

/** The products of all rows of a matrix of integers with a vector (H,). */
function products({ integers }, query) {
  const H = query.length;
  const found = new Float64Array(integers.length / H);
  for (let k = 0, i = 0; k < found.length; k++) {
    let sum = 0;
    for (let h = 0; h < H; h++, i++) sum += integers[i] * query[h];
    found[k] = sum;
  }
  return found;
}

/** The row of a word at length 1. */
function unitRow(store, row) {
  const { H, norms, vectors } = store;
  const scale = norms[row] ? 1 / norms[row] : 0;
  return Float64Array.from(vectors.integers.subarray(row * H, row * H + H), (number) => number * scale);
}

/** The n largest numbers with their places, the largest first, of equal ones the first; without some rows. */
function largest(numbers, n, without) {
  const best = [];
  for (let row = 0; row < numbers.length; row++) {
    if (best.length === n && !(numbers[row] > best[n - 1][1])) continue;
    if (without.includes(row)) continue;
    let place = best.length;
    while (place && best[place - 1][1] < numbers[row]) place--;
    best.splice(place, 0, [row, numbers[row]]);
    if (best.length > n) best.pop();
  }
  return best;
}

/** The words nearest to a sum of words at length 1, [row, weight] each: 3CosAdd if there are several. */
function nearest(store, terms, n) {
  const query = new Float64Array(store.H);
  for (const [row, weight] of terms) unitRow(store, row).forEach((x, h) => { query[h] += weight * x; });
  const norm = Math.hypot(...query) || 1;
  const cosines = products(store.vectors, query.map((x) => x / norm));
  for (let k = 0; k < store.K; k++) cosines[k] = store.norms[k] ? cosines[k] / store.norms[k] : 0;
  return largest(cosines, n, terms.map(([row]) => row));
}

function similarity(store, one, other) {
  const a = unitRow(store, one), b = unitRow(store, other);
  return a.reduce((sum, x, h) => sum + x * b[h], 0);
}

/** The likeliest contexts of a center among the words of the page: softmax of O I_m + b. */
function contexts(store, center, n) {
  const { H, K, vectors, outputs, bias } = store;
  const row = vectors.integers.subarray(center * H, center * H + H);
  const logits = products(outputs, Float64Array.from(row, (number) => number * vectors.scales[center]));
  let top = -Infinity;
  for (let k = 0; k < K; k++) {
    logits[k] = logits[k] * outputs.scales[k] + bias[k];
    if (logits[k] > top) top = logits[k];
  }
  let sum = 0;
  for (let k = 0; k < K; k++) sum += Math.exp(logits[k] - top);
  return largest(logits, n, []).map(([k, logit]) => [k, Math.exp(logit - top) / sum]);
}

/** The row of a word as typed: as it is, else in another case; -1 if there is none. */
function rowOf(store, typed) {
  const word = typed.trim();
  return store.rowOf.get(word) ?? (word ? store.lower.indexOf(word.toLowerCase()) : -1);
}

/** Rows of words that begin as typed, the most frequent first, then of those that hold it. */
function completions(store, typed, n) {
  const start = typed.trim().toLowerCase();
  const begin = [], hold = [];
  if (!start) return begin;
  for (let row = 0; row < store.K && begin.length < n; row++) {
    const place = store.lower[row].indexOf(start);
    if (place === 0) begin.push(row);
    else if (place > 0 && hold.length < n) hold.push(row);
  }
  return begin.concat(hold).slice(0, n);
}

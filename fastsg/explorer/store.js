// What the page was given: words, vectors in twelve bits a number (quantised.py), points of the map.

/** The bytes of a block of the page, whose text is then let go. */
function bytesOf(id) {
  const block = document.getElementById(id);
  const text = atob(block.textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  block.remove();
  return bytes;
}

/** A matrix (K, H): the upper eight bits of all numbers, then the lower four, two in a byte. */
function matrixOf(id, n) {
  const bytes = bytesOf(id);
  const integers = new Int16Array(n);
  for (let i = 0; i < n; i++) {
    const low = bytes[n + (i >> 1)] >> ((i & 1) << 2);
    integers[i] = ((bytes[i] << 24) >> 20) | (low & 15);
  }
  return { integers, scales: new Float32Array(bytesOf(`${id}-scales`).buffer) };
}

/** The length of each row of a matrix of integers, its factor left out. */
function normsOf({ integers }, H) {
  const norms = new Float64Array(integers.length / H);
  for (let k = 0, i = 0; k < norms.length; k++) {
    let sum = 0;
    for (let h = 0; h < H; h++, i++) sum += integers[i] * integers[i];
    norms[k] = Math.sqrt(sum);
  }
  return norms;
}

/** Everything that is asked for; K words, vectors (K, H), points (K, 2) from 0 to 1. */
function openStore() {
  const block = document.getElementById("words");
  const { words, size: H, counts, hasContexts, isWhole } = JSON.parse(block.textContent);
  block.remove();
  const K = words.length;
  const vectors = matrixOf("vectors", K * H);
  return {
    words, counts, isWhole, K, H, vectors,
    norms: normsOf(vectors, H),
    lower: words.map((word) => word.toLowerCase()),
    rowOf: new Map(words.map((word, row) => [word, row])),
    points: Float32Array.from(new Uint16Array(bytesOf("points").buffer), (place) => place / 65535),
    outputs: hasContexts ? matrixOf("outputs", K * H) : null,
    bias: hasContexts ? new Float32Array(bytesOf("bias").buffer) : null,
  };
}

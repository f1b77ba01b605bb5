// The map: all words as points, as many labels as fit, pan and zoom by mouse, fingers and keys.

const FONT_PIXELS = 13, CELL = 8, MOST_LABELS = 250, NEAR_PIXELS = 14;
const LEVELS = 12; // shades of a pixel, by how many words lie on it
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

/** A map of the words on a canvas; `choose` and `hover` are told of rows. */
function openMap(store, canvas, choose, hover) {
  const { K, words, points } = store;
  const context = canvas.getContext("2d", { alpha: false });
  const dot = Math.min(Math.max(Math.round(12 - Math.log2(K)), 2), 5); // pixels of a point: more of fewer words
  const widths = new Float32Array(K); // of labels, once they were measured
  let view = { x: 0.5, y: 0.5, scale: 1 }; // the middle in the map's units; CSS pixels per unit
  let width = 0, height = 0, ratio = 1, image = null, pixels = null, density = null;
  let palette = null, colours = {}, labels = [], marked = [], waiting = false, flight = 0;

  const left = (row) => (points[2 * row] - view.x) * view.scale + width / 2;
  const top = (row) => (view.y - points[2 * row + 1]) * view.scale + height / 2;

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["ground", "text", "quiet", "point", "mark"]) {
      colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
    const bytes = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    const ground = bytes(colours.ground), point = bytes(colours.point);
    palette = new Uint32Array(LEVELS + 1);
    const shade = new Uint8ClampedArray(palette.buffer);
    for (let level = 0; level <= LEVELS; level++) {
      const first = dot > 2 ? 0.8 : 0.35, part = level && first + ((1 - first) * level) / LEVELS;
      for (let i = 0; i < 3; i++) shade[4 * level + i] = ground[i] + (point[i] - ground[i]) * part;
      shade[4 * level + 3] = 255;
    }
  }

  function resize() {
    const box = canvas.getBoundingClientRect();
    const isFirst = !width;
    ratio = Math.min(devicePixelRatio || 1, 2);
    [width, height] = [Math.max(box.width, 1), Math.max(box.height, 1)];
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    image = context.createImageData(canvas.width, canvas.height);
    pixels = new Uint32Array(image.data.buffer);
    density = new Uint8Array(pixels.length);
    if (isFirst) view = whole();
    redraw();
  }

  /** The view of all words but the outermost hundredth on each side. */
  function whole() {
    const side = (axis) => {
      const places = Float32Array.from({ length: K }, (_, row) => points[2 * row + axis]).sort();
      const cut = K > 200 ? Math.floor(K / 200) : 0;
      return [places[cut], places[K - 1 - cut]];
    };
    const [[x0, x1], [y0, y1]] = [side(0), side(1)];
    const room = Math.min((width - 60) / (x1 - x0 || 1), (height - 60) / (y1 - y0 || 1));
    return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale: Math.max(room, 10) };
  }

  function redraw() {
    if (!waiting) requestAnimationFrame(draw);
    waiting = true;
  }

  function draw() {
    waiting = false;
    drawPoints();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawMarks();
    drawLabels();
  }

  function drawPoints() {
    density.fill(0);
    const size = Math.round((dot + (view.scale > 4000)) * ratio), across = canvas.width;
    for (let row = K - 1; row >= 0; row--) {
      const x = Math.round(left(row) * ratio - size / 2), y = Math.round(top(row) * ratio - size / 2);
      if (x < 0 || y < 0 || x > across - size || y > canvas.height - size) continue;
      for (let j = 0, at = y * across + x; j < size; j++, at += across) {
        for (let i = at; i < at + size; i++) if (density[i] < LEVELS) density[i]++;
      }
    }
    for (let i = 0; i < pixels.length; i++) pixels[i] = palette[density[i]];
    context.putImageData(image, 0, 0);
  }

  /** The word that was chosen and its neighbours, with lines between them. */
  function drawMarks() {
    context.strokeStyle = context.fillStyle = colours.mark;
    context.lineWidth = 1;
    for (const row of marked) {
      context.globalAlpha = 0.6;
      context.beginPath();
      context.moveTo(left(marked[0]), top(marked[0]));
      context.lineTo(left(row), top(row));
      context.stroke();
      context.globalAlpha = 1;
      context.beginPath();
      context.arc(left(row), top(row), row === marked[0] ? 5 : 3, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /** Labels in the order of their importance, each where no other one is: the cells it covers are free. */
  function drawLabels() {
    context.font = `${FONT_PIXELS}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = colours.ground;
    labels = [];
    const taken = new Set();
    // cells belong to the map, not to the screen, so that labels stay while it is moved
    const shiftX = Math.round(view.x * view.scale), shiftY = Math.round(-view.y * view.scale);
    for (const row of marked) place(row, taken, shiftX, shiftY, colours.mark);
    for (let row = 0; row < K && labels.length < MOST_LABELS; row++) {
      const x = left(row), y = top(row);
      if (x > -50 && x < width && y > 0 && y < height) place(row, taken, shiftX, shiftY, colours.text);
    }
    for (const { row, x, y, colour } of labels) {
      context.strokeText(words[row], x, y);
      context.fillStyle = colour;
      context.fillText(words[row], x, y);
    }
  }

  function place(row, taken, shiftX, shiftY, colour) {
    const x = left(row) + 5, y = top(row);
    if (!widths[row]) widths[row] = context.measureText(words[row]).width;
    const [x0, x1] = [x, x + widths[row]].map((at) => Math.floor((at + shiftX) / CELL));
    const [y0, y1] = [y - 8, y + 8].map((at) => Math.floor((at + shiftY) / CELL));
    const cells = [];
    for (let j = y0; j <= y1; j++) for (let i = x0; i <= x1; i++) cells.push(i * 1e6 + j);
    if (cells.some((cell) => taken.has(cell))) return;
    for (const cell of cells) taken.add(cell);
    labels.push({ row, x, y, colour });
  }

  /** The row at a place of the canvas: of the label there, else of the nearest point; -1 for none near. */
  function rowAt(x, y) {
    const label = labels.find((one) => x >= one.x && x <= one.x + widths[one.row] && Math.abs(y - one.y) < 9);
    if (label) return label.row;
    return nearestTo(view.x + (x - width / 2) / view.scale, view.y - (y - height / 2) / view.scale,
      NEAR_PIXELS / view.scale);
  }

  /** The row nearest to a place of the map, at most so far away; -1 for none. */
  function nearestTo(x, y, within) {
    let best = -1, least = within ** 2;
    for (let row = 0; row < K; row++) {
      const distance = (points[2 * row] - x) ** 2 + (points[2 * row + 1] - y) ** 2;
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  }

  function zoom(factor, x = width / 2, y = height / 2) {
    const scale = Math.min(Math.max(view.scale * factor, 50), 2e6);
    const moved = 1 / view.scale - 1 / scale; // the place under (x, y) stays
    view = { x: view.x + (x - width / 2) * moved, y: view.y - (y - height / 2) * moved, scale };
    redraw();
  }

  function pan(dx, dy) {
    view = { ...view, x: view.x - dx / view.scale, y: view.y + dy / view.scale };
    redraw();
  }

  /** Moves to a view; at once where motion is not wanted. */
  function fly(target) {
    cancelAnimationFrame(flight);
    const from = view, begun = performance.now(), span = CALM.matches ? 0 : 300;
    const step = (now) => {
      const part = span ? Math.min(Math.max((now - begun) / span, 0), 1) : 1, ease = part * (2 - part);
      const between = (name) => from[name] + (target[name] - from[name]) * ease;
      view = { x: between("x"), y: between("y"), scale: from.scale * (target.scale / from.scale) ** ease };
      if (part < 1) flight = requestAnimationFrame(step);
      else view = target;
      draw();
    };
    step(begun);
  }

  /** Marks rows, the first being the one that was chosen, and brings it into view. */
  function mark(rows) {
    marked = rows;
    const x = left(rows[0]), y = top(rows[0]);
    const isSeen = x > 40 && y > 40 && x < width - 40 && y < height - 40;
    if (isSeen) redraw();
    else fly({ x: points[2 * rows[0]], y: points[2 * rows[0] + 1], scale: view.scale });
  }

  // ---- hands ----

  const fingers = new Map();
  let moved = 0;

  canvas.addEventListener("pointerdown", (event) => {
    cancelAnimationFrame(flight);
    fingers.set(event.pointerId, event);
    if (fingers.size === 1) moved = 0;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) {
      const row = rowAt(event.offsetX, event.offsetY);
      hover(row, event.offsetX, event.offsetY);
      canvas.style.cursor = row >= 0 ? "pointer" : "";
      return;
    }
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
    fingers.set(event.pointerId, event);
    moved += Math.abs(dx) + Math.abs(dy);
    if (moved < 5) return;
    hover(-1);
    canvas.classList.add("moving");
    if (!other) return pan(dx, dy);
    const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY);
    const box = canvas.getBoundingClientRect();
    pan(dx / 2, dy / 2);
    zoom(apart(event) / (apart(before) || 1),
      (event.clientX + other.clientX) / 2 - box.left, (event.clientY + other.clientY) / 2 - box.top);
  });
  const release = (event) => {
    fingers.delete(event.pointerId);
    canvas.classList.remove("moving");
  };
  canvas.addEventListener("pointerup", (event) => {
    release(event);
    const row = moved < 5 ? rowAt(event.offsetX, event.offsetY) : -1;
    if (row >= 0) choose(row);
  });
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => hover(-1));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode ? 16 : 1;
    zoom(Math.exp(-Math.max(Math.min(event.deltaY * lines, 200), -200) / 300), event.offsetX, event.offsetY);
  }, { passive: false });
  const showAll = () => fly(whole());
  const keys = {
    ArrowLeft: () => pan(60, 0), ArrowRight: () => pan(-60, 0),
    ArrowUp: () => pan(0, 60), ArrowDown: () => pan(0, -60),
    "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), 0: showAll, Home: showAll,
    Enter: () => choose(nearestTo(view.x, view.y, Infinity)),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });

  readColours();
  new ResizeObserver(resize).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    redraw();
  });
  return { mark, zoom, showAll, draw, pan, labels: () => labels };
}

// Search boxes and lists.

const SHOWN = 10, OFFERED = 8;
const element = (id) => document.getElementById(id);

/** Makes an input a box that completes words; `done` is told of rows that are entered, -1 for no word.
 *  Gives a function that enters what stands in the box. */
function completing(store, input, done) {
  const list = document.createElement("ul");
  const wrong = document.createElement("p");
  let rows = [], active = -1;
  Object.assign(list, { className: "options", id: `${input.id}-options`, hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Words");
  Object.assign(wrong, { className: "wrong", id: `${input.id}-wrong` });
  wrong.setAttribute("role", "alert");
  for (const [name, value] of Object.entries({
    role: "combobox", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
    "aria-describedby": wrong.id,
  })) input.setAttribute(name, value);
  input.after(list, wrong);

  function show(found) {
    rows = found;
    active = -1;
    list.replaceChildren(...rows.map((row, place) => {
      const option = document.createElement("li");
      Object.assign(option, { id: `${list.id}-${place}`, textContent: store.words[row] });
      option.setAttribute("role", "option");
      option.addEventListener("pointerdown", (event) => {
        event.preventDefault(); // the focus stays in the box
        enter(row);
      });
      return option;
    }));
    list.hidden = !rows.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    point(-1);
  }
  function point(place) {
    active = place;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === place)));
    if (place < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", list.children[place].id);
  }
  function enter(row) {
    show([]);
    wrong.textContent = row < 0 && input.value.trim() ? "There is no such word." : "";
    if (row >= 0) input.value = store.words[row];
    done(row);
  }
  input.addEventListener("input", () => {
    wrong.textContent = "";
    show(completions(store, input.value, OFFERED));
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // Enter ends a word of an input method
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && rows.length) {
      event.preventDefault();
      const from = active < 0 && step < 0 ? 0 : active;
      point((from + step + rows.length) % rows.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      enter(active >= 0 ? rows[active] : rowOf(store, input.value));
    } else if (event.key === "Escape") show([]);
  });
  input.addEventListener("blur", () => show([]));
  return () => enter(rowOf(store, input.value));
}

/** A list of words with their numbers as buttons; `text` writes a number. */
function fill(store, list, answers, text, choose) {
  const most = Math.max(...answers.map(([, number]) => number), 0) || 1;
  list.replaceChildren(...answers.map(([row, number]) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const bar = document.createElement("span");
    bar.className = "bar";
    bar.style.width = `${(100 * Math.max(number, 0)) / most}%`;
    const parts = [["name", store.words[row]], ["number", text(number)]].map(([name, content]) => {
      const part = document.createElement("span");
      Object.assign(part, { className: name, textContent: content });
      return part;
    });
    button.type = "button";
    button.append(...parts);
    button.addEventListener("click", () => choose(row));
    item.append(bar, button);
    return item;
  }));
}

const cosineText = (cosine) => cosine.toFixed(3);
const percentText = (part) => `${(100 * part).toPrecision(3)} %`;

function main() {
  const store = openStore();
  const map = openMap(store, element("map"), choose, hover);
  const state = { one: -1, other: -1, from: -1, to: -1, as: -1 };

  function choose(row) {
    const near = nearest(store, [[row, 1]], SHOWN);
    element("word").value = element("chosen").textContent = store.words[row];
    element("hint").hidden = true;
    element("found").hidden = false;
    const count = store.counts ? `, ${store.counts[row].toLocaleString("en")} times in the text` : "";
    element("about-word").textContent = `word ${(row + 1).toLocaleString("en")} of the list${count}`;
    fill(store, element("near"), near, cosineText, choose);
    if (store.outputs) {
      fill(store, element("contexts"), contexts(store, row, SHOWN), percentText, choose);
      const among = store.isWhole ? "" : ", among the words of this page";
      element("contexts-title").lastElementChild.textContent = `P(context|center)${among}`;
      element("contexts-part").hidden = false;
    }
    map.mark([row, ...near.map(([other]) => other)]);
  }

  function hover(row, x, y) {
    const tip = element("hover");
    tip.hidden = row < 0;
    if (row < 0) return;
    tip.textContent = store.words[row];
    const room = element("map").clientWidth - tip.offsetWidth;
    tip.style.transform = `translate(${Math.min(x + 14, room)}px, ${Math.max(y - 30, 0)}px)`;
  }

  function compare() {
    const { one, other } = state;
    const isAsked = one >= 0 && other >= 0;
    element("similarity").textContent = isAsked
      ? `cosine of ${store.words[one]} and ${store.words[other]}: ${cosineText(similarity(store, one, other))}`
      : "";
  }

  function analogy() {
    const { from, to, as } = state;
    const isAsked = from >= 0 && to >= 0 && as >= 0;
    const answers = isAsked ? nearest(store, [[to, 1], [as, 1], [from, -1]], SHOWN) : [];
    const [a, b, c] = [from, to, as].map((row) => store.words[row]);
    element("analogy-text").textContent = isAsked ? `From ${a} to ${b} is as from ${c} to` : "";
    fill(store, element("analogy"), answers, cosineText, choose);
  }

  completing(store, element("word"), (row) => { if (row >= 0) choose(row); });
  const asked = { one: compare, other: compare, from: analogy, to: analogy, as: analogy };
  for (const [id, answer] of Object.entries(asked)) {
    const enter = completing(store, element(id), (row) => {
      state[id] = row;
      answer();
    });
    element(id).addEventListener("change", enter); // also by whoever goes on to the next box
  }
  element("zoom-in").addEventListener("click", () => map.zoom(1.5));
  element("zoom-out").addEventListener("click", () => map.zoom(1 / 1.5));
  element("zoom-all").addEventListener("click", map.showAll);
  document.documentElement.dataset.ready = performance.now(); // milliseconds that the page took
}

main();

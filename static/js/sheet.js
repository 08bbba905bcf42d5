// The test sheet: a grid worked by the keyboard. Every entry goes into a queue that outlives a broken
// connection and a closed page; the server's answer, never the browser, says that it is saved. What others
// change appears by itself, and what two people say of one cell is shown to the later one, with both values.

import { block, cellsOf } from "./sheet-paste.js";

// The style sheet draws the tick and the cross.
const SIGNS = { pass: ["", "pass"], deviation: ["", "deviation"], na: ["n/a", ""], "": ["·", " empty"] };
const WORDS = { pass: "pass", deviation: "deviation", na: "not applicable", "": "empty" };
const KEYS = { p: "pass", d: "deviation", n: "na", Delete: "", Backspace: "" };
const SENT = ["item", "attribute", "value", "evidence", "reference", "note", "seen"];

const HOUR = 3600 * 1000;
const MOST_AT_ONCE = 300;
const SHOWN = 12;
const EVERY = 3000;
const EVERY_HIDDEN = 30000;

const csrf = () => {
  try {
    return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
  } catch {
    return "";
  }
};

function uuid() {
  if (self.crypto.randomUUID) return self.crypto.randomUUID(); // only where the page came by HTTPS or from this machine
  const bytes = self.crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

const many = (n, one, several) => `${n} ${n === 1 ? one : several}`;

// -- Windows: each has a name, which it keeps over a reload and shares with no other ----------------

const holding = new Set();

function hold(name) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks
      .request(name, { ifAvailable: true }, (lock) => {
        resolve(Boolean(lock));
        if (!lock) return undefined;
        holding.add(name);
        return new Promise(() => {}); // until the window is closed
      })
      .catch(() => resolve(true));
  });
}

async function nameOfWindow() {
  let name = "";
  try {
    name = sessionStorage.getItem("sheet-window") ?? "";
  } catch {
    name = "";
  }
  // A window that was duplicated comes with the name of the other.
  if (!name || !(holding.has(`sheet:${name}`) || (await hold(`sheet:${name}`)))) {
    name = uuid();
    await hold(`sheet:${name}`);
  }
  try {
    sessionStorage.setItem("sheet-window", name);
  } catch {
    // then it has another name after a reload
  }
  return name;
}

class Sheet {
  constructor(root) {
    this.root = root;
    this.table = root.querySelector("[role='grid']");
    this.status = root.querySelector("[data-sheet-status]");
    this.problems = root.querySelector("[data-sheet-problems]");
    this.url = root.dataset.url;
    this.since = Number(root.dataset.since ?? 0);
    this.lockedWords = root.dataset.locked || "This cell is locked.";
    this.stores = `sheet:${document.body.dataset.user ?? ""}:${root.dataset.key ?? this.url}:`;
    this.window = "";
    this.queue = []; // units {entries, whole}: what waits to be saved, in order
    this.aside = new Map(); // what was refused or overtaken, by cell
    this.refusals = []; // of a block that was not pasted: lines without an entry
    this.inFlight = 0;
    this.wait = 1000;
    this.citedLast = "";
    this.waiting = new Map(); // how many entries of each cell wait
    const first = this.table.querySelector("td[data-attribute][data-value='']") ?? this.table.querySelector("td[data-attribute]");
    if (first) first.tabIndex = 0;
    this.cell = first;
    this.listen();
    nameOfWindow().then((name) => {
      this.window = name;
      this.restore().then(() => {
        this.send();
        this.watch();
      });
    });
  }

  listen() {
    const { root, table } = this;
    table.addEventListener("keydown", (event) => this.key(event));
    table.addEventListener("focusin", (event) => this.focused(event));
    table.addEventListener("paste", (event) => this.paste(event));
    table.addEventListener("click", (event) => event.target.closest("td[data-attribute]")?.focus());
    table.addEventListener("dblclick", (event) => event.target.closest("td[data-attribute]") && this.cite());
    table.addEventListener("change", (event) => {
      if (event.target.matches("[data-sheet-note]")) this.note(event.target);
    });
    table.addEventListener("input", (event) => {
      if (event.target.matches("[data-sheet-note]")) event.target.dataset.dirty = "1";
    });
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-sheet-act]");
      if (button) this.act(button.dataset.sheetAct, button.dataset.of);
    });
    const find = root.querySelector("[data-sheet-find]");
    find?.addEventListener("input", () => this.find(find.value));
    find?.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        this.find(find.value, true);
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        find.value = "";
        this.find("");
        this.go(this.cell);
      }
    });
    // Nobody gets to the first cell by dozens of tabs: on a page just opened the arrows lead into the sheet.
    document.addEventListener("keydown", (event) => {
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
      if (!plain || event.target !== document.body || !event.key.startsWith("Arrow")) return;
      event.preventDefault();
      this.go(this.cell);
    });
    window.addEventListener("online", () => this.now());
    document.addEventListener("visibilitychange", () => !document.hidden && this.watch());
    window.addEventListener("beforeunload", (event) => {
      // A note being written counts: leaving its field is what saves it.
      if (this.queue.length || this.aside.size || table.querySelector("[data-dirty]")) event.preventDefault();
    });
  }

  act(act, of) {
    if (act === "evidence") this.cite();
    else if (act === "now") this.now();
    else if (act === "mine") this.mine(of);
    else if (act === "theirs") this.theirs(of);
    else if (act === "all-mine") this.again([...this.aside.keys()]);
    else if (act === "all-theirs") for (const key of [...this.aside.keys()]) this.theirs(key);
    else if (act === "go") this.go(this.placeOf(of));
    else if (act === "dismiss") this.dismiss();
    else if (act === "load") window.location.reload();
    else if (act === "discard") this.discard();
    else if (act === "keep") this.keepOld();
    else this.set(this.cell, act, true);
  }

  // -- Moving --------------------------------------------------------------------------------

  rows() {
    return [...this.table.tBodies[0].rows].filter((row) => row.dataset.item && !row.hidden);
  }

  cells(row) {
    return cellsOf(row);
  }

  focused(event) {
    const cell = event.target.closest("td[data-attribute]");
    const row = event.target.closest("tr[data-item]");
    for (const other of this.table.querySelectorAll("tr.on")) if (other !== row) other.classList.remove("on");
    row?.classList.add("on");
    if (!cell) return;
    if (this.cell && this.cell !== cell) this.cell.tabIndex = -1;
    this.cell = cell;
    cell.tabIndex = 0;
    cell.classList.remove("fresh");
  }

  go(cell) {
    if (!cell) return;
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
  }

  step(down, right) {
    const rows = this.rows();
    const row = this.cell.parentElement;
    const at = this.cells(row).indexOf(this.cell);
    const next = rows[rows.indexOf(row) + down] ?? row;
    const cells = this.cells(next);
    this.go(cells[Math.min(Math.max(at + right, 0), cells.length - 1)]);
  }

  key(event) {
    const cell = event.target.closest("td[data-attribute]");
    if (!cell || event.target !== cell || event.altKey) return;
    const far = event.ctrlKey || event.metaKey;
    const rows = this.rows();
    const cells = this.cells(cell.parentElement);
    const column = cells.indexOf(cell);
    let done = true;
    if (event.key === "ArrowDown") this.step(1, 0);
    else if (event.key === "ArrowUp") this.step(-1, 0);
    else if (event.key === "ArrowRight") this.step(0, 1);
    else if (event.key === "ArrowLeft") this.step(0, -1);
    else if (event.key === "Home") this.go(far ? this.cells(rows[0])[0] : cells[0]);
    else if (event.key === "End") this.go(far ? this.cells(rows.at(-1)).at(-1) : cells.at(-1));
    else if (event.key === "PageDown") this.go(this.cells(rows[Math.min(rows.indexOf(cell.parentElement) + 10, rows.length - 1)])[column]);
    else if (event.key === "PageUp") this.go(this.cells(rows[Math.max(rows.indexOf(cell.parentElement) - 10, 0)])[column]);
    else if (far) done = false;
    else if (event.key in KEYS) this.set(cell, KEYS[event.key], event.key !== "Delete" && event.key !== "Backspace");
    else if (event.key === "e" || event.key === "Enter") this.cite();
    else if (event.key === "/") this.root.querySelector("[data-sheet-find]")?.focus();
    else done = false;
    if (done) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  find(text, jump = false) {
    const words = text.trim().toLowerCase();
    let first = null;
    for (const row of this.rows()) {
      const note = row.querySelector("[data-sheet-note]")?.value ?? "";
      const hit = Boolean(words) && `${row.textContent} ${note}`.toLowerCase().includes(words);
      row.classList.toggle("found", hit);
      if (hit) first ??= row;
    }
    if (!first) return;
    first.scrollIntoView({ block: "nearest", behavior: "instant" });
    if (jump) {
      const column = this.cell ? this.cells(this.cell.parentElement).indexOf(this.cell) : 0;
      this.go(this.cells(first)[Math.max(column, 0)]);
    }
  }

  // -- Entering ------------------------------------------------------------------------------

  locked(cell) {
    return cell.getAttribute("aria-readonly") === "true";
  }

  paint(cell, value, evidence) {
    const [sign, words] = SIGNS[value] ?? SIGNS[""];
    cell.dataset.value = value;
    const place = cell.querySelector(".v");
    place.textContent = sign;
    if (words) {
      const hidden = document.createElement("span");
      hidden.className = "visually-hidden";
      hidden.textContent = words;
      place.append(hidden);
    }
    if (evidence !== undefined) cell.querySelector(".tick").textContent = evidence;
  }

  set(cell, value, onward) {
    if (!cell) return;
    if (this.locked(cell)) {
      this.say(this.lockedWords, true);
      return;
    }
    const key = this.keyOf(cell);
    if (cell.dataset.value !== value || this.aside.has(key)) {
      const entry = this.entry(cell, { value, ...this.placed(cell, value) });
      this.paint(cell, value);
      this.push([entry]);
    }
    if (onward) this.step(1, 0);
  }

  /** The place that was cited in an empty cell goes with its result. */
  placed(cell, value) {
    const kept = cell.dataset.placed;
    delete cell.dataset.placed;
    return kept && value ? JSON.parse(kept) : {};
  }

  entry(place, change) {
    const row = place.closest("tr");
    const said = place.matches("td") ? { attribute: place.dataset.attribute } : {};
    const was = place.matches("td")
      ? { value: place.dataset.value, evidence: place.querySelector(".tick").textContent }
      : { note: place.defaultValue };
    return { item: Number(row.dataset.item), ...said, ...change, seen: this.seen(place), was };
  }

  /** The last change that was seen at this place; less than the sheet's when one of others was not shown here. */
  seen(place) {
    if (place.dataset.blind !== undefined) return Number(place.dataset.blind);
    return Math.max(this.since, Number(place.dataset.seen ?? 0));
  }

  note(field) {
    delete field.dataset.dirty;
    if (field.value === field.defaultValue && !this.aside.has(this.keyOf(field))) return;
    this.push([this.entry(field, { note: field.value })]);
  }

  paste(event) {
    const start = event.target.closest("td[data-attribute]") ?? event.target.closest("[data-sheet-note]");
    const text = event.clipboardData?.getData("text/plain") ?? "";
    // One line into a note is ordinary typing.
    if (!start || (!start.matches("td") && !/[\n\t]/.test(text.trimEnd()))) return;
    event.preventDefault();
    if (start.matches("td") && this.locked(start)) {
      this.say(this.lockedWords, true);
      return;
    }
    this.dismiss();
    const found = block(text, start, this.rows());
    if (found.refusals.length) {
      this.refuseBlock(found.refusals);
      return;
    }
    if (!found.changes.length) return;
    const entries = found.changes.map(({ place, ...change }) => ({ ...this.entry(place, change), block: true }));
    found.changes.forEach(({ place, value, note }) => {
      if (!place.matches("td")) place.value = note;
      else this.paint(place, value);
    });
    this.push(entries, true);
    this.say(`pasting ${many(entries.length, "cell", "cells")}…`);
  }

  refuseBlock(refusals) {
    for (const { place } of refusals) {
      place?.classList.add("failed");
      place?.setAttribute("aria-invalid", "true");
    }
    this.refusals = refusals;
    this.say("Nothing was pasted.", true);
    this.list();
  }

  dismiss() {
    for (const { place } of this.refusals) {
      place?.classList.remove("failed");
      place?.removeAttribute("aria-invalid");
    }
    this.refusals = [];
    this.list();
  }

  // -- Citing --------------------------------------------------------------------------------

  cite() {
    const dialog = document.getElementById("cite");
    const cell = this.cell;
    if (!dialog || !cell || this.locked(cell)) return;
    const form = dialog.querySelector("form");
    const now = cell.querySelector(".tick").textContent;
    const own = now.split(/[\s,]+/)[0];
    const had = own || this.rests(cell.dataset.attribute) || this.citedLast;
    for (const box of form.querySelectorAll("input[name='evidence']")) box.checked = box.value === had;
    const search = form.querySelector("[data-cite-find]");
    if (search) search.value = "";
    this.narrowCite(form, "");
    if (form.elements.reference) form.elements.reference.value = own ? now.slice(own.length).trim() : "";
    this.places(form, had, !own);
    dialog.returnValue = "";
    dialog.showModal();
    (form.querySelector("input[name='evidence']:checked") ?? search ?? form.querySelector("input"))?.focus();
    dialog.addEventListener(
      "close",
      () => {
        const evidence = form.querySelector("input[name='evidence']:checked")?.value ?? "";
        if (dialog.returnValue === "cite" && evidence) {
          const reference = form.elements.reference?.value.trim() ?? "";
          // A result that was refused for want of evidence goes along with it.
          const wanted = this.aside.get(this.keyOf(cell));
          const value = wanted?.kind === "refused" ? wanted.entry.value : undefined;
          const entry = this.entry(cell, value ? { value, evidence, reference } : { evidence, reference });
          if (value) this.paint(cell, value);
          else if (!cell.dataset.value && reference) cell.dataset.placed = JSON.stringify({ evidence, reference });
          this.restsOn(cell.dataset.attribute, evidence);
          this.citedLast = evidence;
          cell.querySelector(".tick").textContent = [evidence, reference].filter(Boolean).join(" ");
          this.push([entry]);
        }
        this.go(cell);
      },
      { once: true },
    );
  }

  narrowCite(form, text) {
    const words = text.trim().toLowerCase();
    for (const line of form.querySelectorAll(".cite-list .form-check")) line.hidden = !line.textContent.toLowerCase().includes(words);
  }

  /** The file on which a column rests. */
  rests(attribute) {
    return this.table.querySelector(`th[data-attribute="${CSS.escape(attribute)}"]`)?.dataset.rests ?? "";
  }

  restsOn(attribute, file) {
    const head = this.table.querySelector(`th[data-attribute="${CSS.escape(attribute)}"]`);
    if (head && !head.dataset.rests) head.dataset.rests = file;
  }

  /** Enter in the search takes the first file it leaves, and goes on to the place in it. */
  firstFile(form) {
    const line = [...form.querySelectorAll(".cite-list .form-check")].find((one) => !one.hidden);
    const box = line?.querySelector("input[name='evidence']");
    if (!box) return;
    box.checked = true;
    if (form.elements.reference) form.elements.reference.value = "";
    box.focus();
    this.places(form, box.value, true);
  }

  /** Pages, rows and cells of the chosen file, to pick the place from; `onward` goes to where the item stands. */
  async places(form, file, onward = false) {
    const box = form.querySelector("[data-places]");
    if (!box) return;
    box.dataset.file = file;
    box.replaceChildren();
    if (!file) return;
    box.textContent = "Looking into the file…";
    const query = new URLSearchParams({ file, item: this.cell.closest("tr").dataset.item });
    const answer = await fetch(`${box.dataset.places}?${query}`, { credentials: "same-origin", redirect: "manual" }).catch(() => null);
    if (box.dataset.file !== file) return;
    if (!answer?.ok) {
      box.textContent = "Its pages and rows cannot be shown now; write below where in it.";
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (box.dataset.file !== file) return;
    box.replaceChildren(...page.body.childNodes);
    if (!onward || !form.querySelector("input[name='evidence']:checked")?.matches(":focus")) return;
    (box.querySelector("[data-named] [data-place]") ?? form.elements.reference)?.focus();
  }

  // -- The queue -----------------------------------------------------------------------------

  keyOf(place) {
    return place.matches("td") ? `${place.parentElement.dataset.item} ${place.dataset.attribute}` : `${place.closest("tr").dataset.item} `;
  }

  keyOfEntry(entry) {
    return `${entry.item} ${entry.attribute ?? ""}`;
  }

  placeOf(key) {
    const [item, attribute] = key.split(" ");
    const row = this.table.querySelector(`tr[data-item="${CSS.escape(item)}"]`);
    if (!row) return null;
    return attribute ? row.querySelector(`td[data-attribute="${CSS.escape(attribute)}"]`) : row.querySelector("[data-sheet-note]");
  }

  push(entries, whole = false) {
    for (const entry of entries) {
      const key = this.keyOfEntry(entry);
      if (this.aside.delete(key)) this.clean(key);
      this.waiting.set(key, (this.waiting.get(key) ?? 0) + 1);
      this.mark(key, "saving");
    }
    this.queue.push({ entries, whole, at: Date.now() });
    this.keep();
    this.list();
    this.tell();
    // Keys that follow at once go along in the same request.
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.send(), 0);
  }

  mark(key, css) {
    const place = this.placeOf(key);
    place?.classList.remove("saving", "failed", "conflict", "fresh");
    if (css) place?.classList.add(css);
    if (css !== "failed" && css !== "conflict") {
      place?.removeAttribute("aria-invalid");
      place?.querySelector(".mine")?.remove();
      if (place?.dataset.problem) {
        delete place.dataset.tip;
        delete place.dataset.problem;
      }
    } else place?.setAttribute("aria-invalid", "true");
  }

  clean(key) {
    this.mark(key, "");
  }

  pending() {
    return this.queue.reduce((sum, unit) => sum + unit.entries.length, 0);
  }

  keep() {
    const left = [...this.aside.values()].map(({ entry }) => entry);
    const block = left.filter((entry) => entry.block);
    const kept = [...this.queue, ...left.filter((entry) => !entry.block).map((entry) => ({ entries: [entry], whole: false, at: Date.now() }))];
    if (block.length) kept.push({ entries: block, whole: true, at: Date.now() });
    try {
      if (kept.length) localStorage.setItem(this.stores + this.window, JSON.stringify(kept));
      else localStorage.removeItem(this.stores + this.window);
    } catch {
      // without storage the warning on leaving the page still guards the queue
    }
  }

  /** What this window left, and what windows that are closed by now left. */
  async restore() {
    const found = [];
    let names = [];
    try {
      names = Object.keys(localStorage).filter((name) => name.startsWith(this.stores));
    } catch {
      return;
    }
    for (const name of names) {
      const owner = name.slice(this.stores.length);
      if (owner && owner !== this.window && !(await hold(`sheet:${owner}`))) continue;
      try {
        const units = JSON.parse(localStorage.getItem(name) ?? "[]").filter((unit) => Array.isArray(unit?.entries));
        // Without locks nobody knows whether the other window is still open: its fresh entries are left to it.
        if (owner !== this.window && !navigator.locks && units.some((unit) => Date.now() - unit.at < 60000)) continue;
        found.push(...units);
        if (owner !== this.window) localStorage.removeItem(name);
      } catch {
        continue;
      }
    }
    if (!found.length) return;
    const meanwhile = this.queue;
    this.queue = [];
    const n = found.reduce((sum, unit) => sum + unit.entries.length, 0);
    const since = Math.min(...found.map((unit) => unit.at ?? 0));
    for (const unit of found) {
      for (const entry of unit.entries) {
        const key = this.keyOfEntry(entry);
        const place = this.placeOf(key);
        this.waiting.set(key, (this.waiting.get(key) ?? 0) + 1);
        if (!place) continue;
        if (entry.note !== undefined && !entry.attribute) place.value = entry.note;
        else if (entry.value !== undefined) this.paint(place, entry.value);
        this.mark(key, "saving");
      }
    }
    this.queue = [...found, ...meanwhile];
    this.keep();
    if (Date.now() - since > HOUR) {
      this.held = true; // the person decides; what others said meanwhile stands against it anyway
      this.say(`${many(n, "entry", "entries")} of ${new Date(since).toLocaleString()} not saved.`, true);
      this.offer([["keep", "Save now"], ["discard", "Discard"]]);
      return;
    }
    this.say(`${many(n, "entry", "entries")} of last time not saved yet; sending…`, true);
  }

  keepOld() {
    this.held = false;
    this.send();
  }

  now() {
    this.wait = 1000;
    clearTimeout(this.timer);
    this.send();
  }

  /** As many entries from the front of the queue as go together; a block goes alone. */
  next() {
    const units = [];
    let n = 0;
    for (const unit of this.queue) {
      if (unit.whole && units.length) break;
      units.push(unit);
      n += unit.entries.length;
      if (unit.whole || n >= MOST_AT_ONCE) break;
    }
    return units;
  }

  async send() {
    if (this.inFlight || this.held || !this.window || !this.queue.length) return;
    const units = this.next();
    const entries = units.flatMap((unit) => unit.entries);
    this.inFlight = units.length;
    const sent = entries.map((entry) => Object.fromEntries(SENT.filter((name) => entry[name] !== undefined).map((name) => [name, entry[name]])));
    const body = new URLSearchParams({ entries: JSON.stringify(sent), window: this.window });
    if (units[0].whole) body.set("whole", "on");
    let answer = null;
    try {
      answer = await fetch(this.url, {
        method: "POST",
        body,
        headers: { Accept: "application/json", "X-CSRFToken": csrf() },
        credentials: "same-origin",
        redirect: "manual",
      });
    } catch {
      this.inFlight = 0;
      this.later(navigator.onLine ? "The server cannot be reached" : "No connection");
      return;
    }
    const data = await answer.json().catch(() => null);
    this.inFlight = 0;
    if (answer.type === "opaqueredirect") this.later("You are signed out: sign in again in another window");
    else if (answer.ok && data) this.answered(units, entries, data);
    else if (answer.status >= 500 || answer.status === 429 || answer.ok) this.later("The server is busy");
    else if (!data && answer.status === 403) this.later("This page is out of date: load it again, your entries come along", [["load", "Load again"]]);
    else this.refused(units, entries, data?.error || "The server refused this entry.");
  }

  took(units, entries) {
    this.wait = 1000;
    this.queue.splice(0, units.length);
    for (const entry of entries) {
      const key = this.keyOfEntry(entry);
      const left = (this.waiting.get(key) ?? 1) - 1;
      if (left > 0) this.waiting.set(key, left);
      else this.waiting.delete(key);
    }
  }

  answered(units, entries, data) {
    this.took(units, entries);
    const answers = data.answers ?? [];
    const failed = units[0].whole && answers.some((answer) => answer.state !== "saved");
    entries.forEach((entry, at) => this.settle(entry, answers[at] ?? { state: "refused", words: "No answer came." }, failed));
    if (failed) this.say("Nothing of the block was saved.", true);
    this.keep();
    this.list();
    if (this.queue.length) {
      this.tell();
      this.send();
    } else {
      if (this.aside.size && !failed) this.say(`${many(this.aside.size, "entry is", "entries are")} not saved: see below`, true);
      else if (!failed) this.say(`saved ${data.saved ?? ""}`.trim());
      document.body.dispatchEvent(new CustomEvent("sheet-saved", { bubbles: true, detail: data }));
    }
  }

  /** What became of one entry, at its cell. */
  settle(entry, answer, blockFailed) {
    const key = this.keyOfEntry(entry);
    const place = this.placeOf(key);
    if (answer.state === "saved" && !blockFailed) {
      if (place && !this.waiting.has(key)) {
        delete place.dataset.blind;
        this.mark(key, "");
        if (entry.attribute === undefined) {
          place.defaultValue = answer.note;
          if (!place.dataset.dirty) place.value = answer.note;
        } else if (entry.value !== undefined || answer.value) this.paint(place, answer.value, answer.evidence);
        else this.paint(place, place.dataset.value, place.dataset.placed ? undefined : "");
      }
      if (answer.words) document.dispatchEvent(new CustomEvent("toast", { detail: { text: answer.words, kind: "info" } }));
      return;
    }
    if (answer.state === "saved") {
      // The block was refused for another of its cells.
      this.undo(entry, place);
      this.mark(key, "");
      this.aside.set(key, { entry, kind: "block", words: "Not saved: the block was refused." });
      return;
    }
    if (this.waiting.has(key)) return; // a later entry of the same cell is on its way and speaks for itself
    this.aside.set(key, { entry, kind: answer.state, words: answer.words, theirs: answer });
    if (!place) return;
    if (answer.state === "overtaken") {
      delete place.dataset.blind;
      place.dataset.seen = answer.seen;
    }
    this.show(key);
  }

  /** Both values at the cell: theirs as it stands, and what was entered here. */
  show(key) {
    const { entry, kind, words, theirs } = this.aside.get(key);
    const place = this.placeOf(key);
    if (!place) return;
    this.mark(key, kind === "overtaken" ? "conflict" : "failed");
    place.dataset.problem = "1";
    place.dataset.tip = words;
    if (!place.matches("td")) return;
    if (kind === "overtaken") this.paint(place, theirs.value, theirs.evidence);
    else this.undo(entry, place);
    const mine = document.createElement("span");
    mine.className = "mine";
    mine.textContent = `you: ${this.inWords(entry)}`;
    place.append(mine);
  }

  inWords(entry) {
    if (entry.attribute === undefined) return entry.note;
    return [entry.value === undefined ? "" : WORDS[entry.value], entry.evidence, entry.reference].filter(Boolean).join(" ");
  }

  undo(entry, place) {
    if (!place) return;
    if (entry.attribute === undefined) place.value = entry.was?.note ?? place.defaultValue;
    else this.paint(place, entry.was?.value ?? "", entry.was?.evidence ?? "");
  }

  later(why, acts = [["now", "Try now"]]) {
    const n = this.pending();
    this.say(`${why}. ${many(n, "entry is", "entries are")} not saved yet, kept here and sent again.`, true);
    this.offer(acts);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), this.wait);
    this.wait = Math.min(this.wait * 2, 30000);
  }

  /** The sheet as a whole was refused: it is signed, or the person may not any more. */
  refused(units, entries, words) {
    this.took(units, entries);
    for (const entry of entries) {
      const key = this.keyOfEntry(entry);
      if (this.waiting.has(key)) continue;
      this.aside.set(key, { entry, kind: "refused", words });
      this.show(key);
    }
    this.keep();
    this.list();
    this.say(`${many(entries.length, "entry", "entries")} not saved.`, true);
    this.send();
  }

  /** Mine it shall be: a cell of a block goes with the rest of its block, all of it or nothing. */
  mine(key) {
    const block = this.aside.get(key)?.entry.block;
    this.again(block ? [...this.aside.keys()].filter((other) => this.aside.get(other).entry.block) : [key]);
  }

  again(keys) {
    const whole = [];
    for (const key of keys) {
      const held = this.aside.get(key);
      if (!held) continue;
      this.aside.delete(key);
      const place = this.placeOf(key);
      const { entry } = held;
      entry.seen = Math.max(entry.seen, held.theirs?.seen ?? 0);
      if (place && entry.attribute === undefined) place.value = entry.note;
      else if (place && entry.value !== undefined) this.paint(place, entry.value);
      if (entry.block) whole.push(entry);
      else this.push([entry]);
    }
    if (whole.length) this.push(whole, true);
  }

  theirs(key) {
    const held = this.aside.get(key);
    if (!held) return;
    this.aside.delete(key);
    const place = this.placeOf(key);
    this.clean(key);
    if (place && held.kind === "overtaken") {
      place.dataset.seen = held.theirs.seen;
      if (held.entry.attribute !== undefined) this.paint(place, held.theirs.value, held.theirs.evidence);
      else {
        place.value = place.defaultValue = held.theirs.note;
        delete place.dataset.dirty;
      }
    } else this.undo(held.entry, place);
    this.keep();
    this.list();
    if (!this.aside.size && !this.queue.length) this.say("nothing waits to be saved");
  }

  discard() {
    this.queue = [];
    this.aside.clear();
    this.keep();
    window.location.reload();
  }

  // -- What others do ------------------------------------------------------------------------

  watch() {
    clearTimeout(this.clock);
    if (!this.root.dataset.changes || !this.window) return;
    this.ask().finally(() => {
      this.clock = setTimeout(() => this.watch(), document.hidden ? EVERY_HIDDEN : EVERY);
    });
  }

  async ask() {
    if (this.asking) return;
    this.asking = true;
    const query = new URLSearchParams({ since: this.since, window: this.window });
    try {
      const answer = await fetch(`${this.root.dataset.changes}?${query}`, { headers: { Accept: "application/json" }, credentials: "same-origin", redirect: "manual" });
      if (answer.ok) this.heard(await answer.json());
    } catch {
      // the next time; what is entered here says by itself when the server is away
    } finally {
      this.asking = false;
    }
  }

  heard(data) {
    for (const change of data.changes) this.apply(change);
    this.since = Math.max(this.since, data.since);
    const stale = this.root.querySelector("[data-sheet-stale]");
    if (stale && data.shape !== this.root.dataset.shape) stale.hidden = false;
    if (!data.changes.length) return;
    const last = data.changes.at(-1);
    const people = [...new Set(data.changes.map((change) => change.by))].join(", ");
    if (!this.queue.length && !this.aside.size) this.say(`${people} changed ${many(data.changes.length, "cell", "cells")}, ${last.at}`);
    document.body.dispatchEvent(new CustomEvent("sheet-saved", { bubbles: true, detail: data }));
  }

  apply(change) {
    const key = this.keyOfEntry(change);
    const place = this.placeOf(key);
    if (!place) return;
    // What waits or is being written here is answered by the server with both values.
    if (this.waiting.has(key) || this.aside.has(key) || place.dataset.dirty) {
      place.dataset.blind ??= this.since;
      return;
    }
    if (change.attribute === undefined) {
      if (place.matches("input")) place.value = place.defaultValue = change.note;
      else place.textContent = change.note;
    } else this.paint(place, change.value, change.evidence);
    place.classList.add("fresh");
    place.dataset.tip = `${change.by}, ${change.at}`;
  }

  // -- Telling -------------------------------------------------------------------------------

  tell() {
    const n = this.pending();
    if (n) this.say(n > 1 ? `saving ${n}…` : "saving…");
  }

  say(text, bad = false) {
    if (!this.status) return;
    this.status.textContent = text;
    this.status.classList.toggle("bad", bad);
  }

  offer(acts) {
    for (const [act, label, of] of acts) this.status?.append(" ", this.button(act, label, of));
  }

  button(act, label, of = "") {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm";
    button.dataset.sheetAct = act;
    button.dataset.of = of;
    button.textContent = label;
    return button;
  }

  nameOf(key) {
    const [item, attribute] = key.split(" ");
    const row = this.table.querySelector(`tr[data-item="${CSS.escape(item)}"]`);
    const number = row?.querySelector("th")?.textContent.trim() ?? "?";
    return attribute ? `Item ${number}, ${attribute}` : `Item ${number}, note`;
  }

  /** What was refused or overtaken, one line each, with what can be done about it. */
  list() {
    if (!this.problems) return;
    const lines = [];
    for (const { place, words } of this.refusals.slice(0, SHOWN)) {
      lines.push(this.line(place ? this.keyOf(place) : "", words, []));
    }
    if (this.refusals.length) lines.push(this.line("", this.rest(this.refusals.length), [["dismiss", "Dismiss"]]));
    const kept = [...this.aside.entries()].filter(([, held]) => held.kind !== "block");
    const blocked = this.aside.size - kept.length;
    for (const [key, held] of kept.slice(0, SHOWN)) {
      if (held.kind === "overtaken") {
        const { theirs, entry } = held;
        const stands = entry.attribute === undefined ? theirs.note || "empty" : [WORDS[theirs.value], theirs.evidence].filter(Boolean).join(" ");
        const words = `${held.words} It says “${stands}” (${theirs.by}, ${theirs.at}); you entered “${this.inWords(entry)}”.`;
        lines.push(this.line(key, words, [["mine", "Use mine", key], ["theirs", "Keep theirs", key]]));
      } else lines.push(this.line(key, held.words, [["mine", "Try again", key], ["theirs", "Undo", key]]));
    }
    if (this.aside.size > 1) {
      const more = [kept.length > SHOWN ? `${kept.length - SHOWN} more are not shown.` : "", blocked ? `${many(blocked, "other cell", "other cells")} of the block wait with it.` : ""];
      lines.push(this.line("", more.filter(Boolean).join(" ") || "All of them:", [["all-mine", "Try all again"], ["all-theirs", "Undo all"]]));
    }
    this.problems.replaceChildren(...lines);
    this.problems.hidden = !lines.length;
  }

  rest(n) {
    return n > SHOWN ? `${n - SHOWN} more cells were not understood. Nothing of the block was pasted.` : "Nothing of the block was pasted.";
  }

  line(key, words, acts) {
    const line = document.createElement("li");
    if (key) {
      const go = this.button("go", this.nameOf(key), key);
      go.classList.replace("btn", "linklike");
      go.classList.remove("btn-sm");
      line.append(go);
    }
    const text = document.createElement("span");
    text.className = "grow";
    text.textContent = words;
    line.append(text, ...acts.map(([act, label, of]) => this.button(act, label, of)));
    return line;
  }
}

const sheets = new WeakSet();
function start() {
  for (const root of document.querySelectorAll("[data-sheet]")) {
    if (sheets.has(root)) continue;
    sheets.add(root);
    const sheet = new Sheet(root);
    const dialog = document.getElementById("cite");
    dialog?.addEventListener("input", (event) => {
      if (event.target.matches("[data-cite-find]")) sheet.narrowCite(event.target.form, event.target.value);
      if (event.target.matches("input[name='evidence']")) {
        if (event.target.form.elements.reference) event.target.form.elements.reference.value = "";
        sheet.places(event.target.form, event.target.value);
      }
    });
    dialog?.addEventListener("keydown", (event) => {
      const find = dialog.querySelector("[data-cite-find]");
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
      if (event.target === find && event.key === "Enter" && plain) {
        event.preventDefault();
        sheet.firstFile(event.target.form);
      } else if (event.target.matches("input[name='evidence']") && /^[\p{L}\p{N}]$/u.test(event.key) && plain) find?.focus(); // what is typed there, looks for another file
    });
    dialog?.addEventListener("click", (event) => {
      const button = event.target.closest("[data-place]");
      if (!button) return;
      const form = button.closest("form");
      form.elements.reference.value = button.dataset.place;
      form.elements.reference.focus(); // so that Enter cites it
      for (const other of form.querySelectorAll("[data-place][aria-pressed]")) other.removeAttribute("aria-pressed");
      button.setAttribute("aria-pressed", "true");
    });
  }
}
document.addEventListener("htmx:afterSettle", start);
start();

// The test sheet: a grid worked by the keyboard. Every entry goes into a queue that outlives a broken
// connection and a closed page; the server's answer, never the browser, says that it is saved.

// The style sheet draws the tick and the cross.
const SIGNS = { pass: ["", "pass"], deviation: ["", "deviation"], na: ["n/a", ""], "": ["·", " empty"] };
const KEYS = { p: "pass", d: "deviation", n: "na", Delete: "", Backspace: "" };

const csrf = () => {
  try {
    return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
  } catch {
    return "";
  }
};

const HOUR = 3600 * 1000;

function uuid() {
  if (self.crypto.randomUUID) return self.crypto.randomUUID(); // only where the page came by HTTPS or from this machine
  const bytes = self.crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

class Sheet {
  constructor(root) {
    this.root = root;
    this.table = root.querySelector("[role='grid']");
    this.status = root.querySelector("[data-sheet-status]");
    this.url = root.dataset.url;
    this.store = `sheet:${document.body.dataset.user ?? ""}:${root.dataset.key ?? this.url}`;
    this.queue = [];
    this.sending = false;
    this.wait = 1000;
    this.cell = null;
    this.restore();
    const first = this.table.querySelector("td[data-attribute][data-value='']") ?? this.table.querySelector("td[data-attribute]");
    if (first) first.tabIndex = 0;
    this.cell = first;
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("focusin", (event) => this.focused(event));
    this.table.addEventListener("click", (event) => {
      const cell = event.target.closest("td[data-attribute]");
      if (cell) cell.focus();
    });
    this.table.addEventListener("dblclick", (event) => event.target.closest("td[data-attribute]") && this.cite());
    this.table.addEventListener("change", (event) => {
      if (event.target.matches("[data-sheet-note]")) this.note(event.target);
    });
    this.table.addEventListener("input", (event) => {
      if (event.target.matches("[data-sheet-note]")) event.target.dataset.dirty = "1";
    });
    root.addEventListener("click", (event) => {
      const act = event.target.closest("[data-sheet-act]")?.dataset.sheetAct;
      if (!act) return;
      if (act === "evidence") this.cite();
      else if (act === "retry") this.retry();
      else if (act === "drop") this.drop();
      else if (act === "discard") this.discard();
      else this.set(this.cell, act, true);
    });
    const find = root.querySelector("[data-sheet-find]");
    find?.addEventListener("input", () => this.find(find.value));
    find?.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        this.find(find.value, true);
      }
    });
    window.addEventListener("online", () => this.send());
    window.addEventListener("beforeunload", (event) => {
      // A note being written counts: leaving its field is what saves it.
      if (this.queue.length || this.table.querySelector("[data-dirty]")) event.preventDefault();
    });
  }

  // -- Moving --------------------------------------------------------------------------------

  rows() {
    return [...this.table.tBodies[0].rows].filter((row) => row.dataset.item && !row.hidden);
  }

  cells(row) {
    return [...row.querySelectorAll("td[data-attribute]")];
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
  }

  go(cell) {
    if (!cell) return;
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
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
      const hit = Boolean(words) && row.textContent.toLowerCase().includes(words);
      row.classList.toggle("found", hit);
      if (hit) first ??= row;
    }
    if (!first) return;
    first.scrollIntoView({ block: "nearest" });
    if (jump) {
      const column = this.cell ? this.cells(this.cell.parentElement).indexOf(this.cell) : 0;
      this.go(this.cells(first)[Math.max(column, 0)]);
    }
  }

  // -- Entering ------------------------------------------------------------------------------

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
    if (cell.getAttribute("aria-readonly") === "true") {
      this.say("This cell is locked.", true);
      return;
    }
    const before = cell.dataset.value;
    if (before !== value || cell.classList.contains("failed")) {
      this.paint(cell, value);
      this.push(cell, { item: cell.parentElement.dataset.item, attribute: cell.dataset.attribute, value }, before);
    }
    if (onward) this.step(1, 0);
  }

  note(field) {
    delete field.dataset.dirty;
    const row = field.closest("tr");
    this.push(field, { item: row.dataset.item, note: field.value }, field.defaultValue);
  }

  cite() {
    const dialog = document.getElementById("cite");
    const cell = this.cell;
    if (!dialog || !cell || cell.getAttribute("aria-readonly") === "true") return;
    const form = dialog.querySelector("form");
    const now = cell.querySelector(".tick").textContent;
    const had = now.split(/[\s,]+/);
    for (const box of form.querySelectorAll("input[name='evidence']")) box.checked = had.includes(box.value);
    const search = form.querySelector("[data-cite-find]");
    if (search) search.value = "";
    this.narrowCite(form, "");
    if (form.elements.reference) form.elements.reference.value = "";
    dialog.returnValue = "";
    dialog.showModal();
    (search ?? form.querySelector("input"))?.focus();
    dialog.addEventListener(
      "close",
      () => {
        if (dialog.returnValue === "cite") {
          const evidence = [...form.querySelectorAll("input[name='evidence']:checked")].map((box) => box.value);
          const reference = form.elements.reference?.value.trim() ?? "";
          const change = { item: cell.parentElement.dataset.item, attribute: cell.dataset.attribute, evidence, reference };
          cell.querySelector(".tick").textContent = [evidence.join(", "), reference].filter(Boolean).join(" ");
          this.push(cell, change, cell.dataset.value, now);
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

  // -- The queue -----------------------------------------------------------------------------

  push(element, change, before, beforeEvidence) {
    const entry = { ...change, mutation: uuid(), at: Date.now() };
    Object.defineProperty(entry, "undo", { value: { before, beforeEvidence }, enumerable: false });
    this.queue.push(entry);
    element.classList.remove("failed");
    element.removeAttribute("aria-invalid");
    this.mark(entry, "saving");
    this.keep();
    this.say(this.queue.length > 1 ? `saving ${this.queue.length}…` : "saving…");
    this.send();
  }

  place(entry) {
    const row = this.table.querySelector(`tr[data-item="${CSS.escape(entry.item)}"]`);
    if (!row) return null;
    return entry.note === undefined ? row.querySelector(`td[data-attribute="${CSS.escape(entry.attribute)}"]`) : row.querySelector("[data-sheet-note]");
  }

  mark(entry, css) {
    const place = this.place(entry);
    place?.classList.remove("saving", "failed");
    if (css) place?.classList.add(css);
  }

  keep() {
    try {
      if (this.queue.length) localStorage.setItem(this.store, JSON.stringify(this.queue));
      else localStorage.removeItem(this.store);
    } catch {
      // without storage the warning on leaving the page still guards the queue
    }
  }

  restore() {
    let kept = [];
    try {
      kept = JSON.parse(localStorage.getItem(this.store) ?? "[]");
    } catch {
      kept = [];
    }
    if (!kept.length) return;
    for (const entry of kept) {
      const place = this.place(entry);
      Object.defineProperty(entry, "undo", { value: { before: place?.dataset?.value ?? "" }, enumerable: false });
      this.queue.push(entry);
      if (!place) continue;
      if (entry.note !== undefined) place.value = entry.note;
      else if (entry.value !== undefined) this.paint(place, entry.value);
      place.classList.add("saving");
    }
    const since = Math.min(...kept.map((entry) => entry.at ?? 0));
    const n = `${kept.length} ${kept.length === 1 ? "entry" : "entries"}`;
    if (Date.now() - since > HOUR) {
      // Meanwhile others may have worked on this sheet: the person decides.
      this.stuck = true;
      this.say(`${n} of ${new Date(since).toLocaleString()} not saved.`, true);
      this.offer([["retry", "Save now"], ["discard", "Discard"]]);
      return;
    }
    this.say(`${n} of last time not saved yet; sending…`, true);
    setTimeout(() => this.send(), 0);
  }

  async send() {
    if (this.sending || this.stuck || !this.queue.length) return;
    this.sending = true;
    const entry = this.queue[0];
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(entry)) {
      if (name === "at") continue; // the server has its own clock
      if (Array.isArray(value)) {
        if (value.length) for (const one of value) body.append(name, one);
        else body.append(name, "");
      } else body.append(name, value);
    }
    let answer = null;
    try {
      answer = await fetch(this.url, {
        method: "POST",
        body,
        headers: { Accept: "application/json", "X-CSRFToken": csrf() },
        credentials: "same-origin",
        redirect: "error",
      });
    } catch {
      this.sending = false;
      this.later("The server cannot be reached");
      return;
    }
    const data = await answer.json().catch(() => null);
    this.sending = false;
    if (answer.ok && data) {
      this.wait = 1000;
      this.queue.shift();
      this.keep();
      this.saved(entry, data);
      if (this.queue.length) this.send();
      else {
        this.say(`saved ${data.saved ?? ""}`.trim());
        document.body.dispatchEvent(new CustomEvent("sheet-saved", { bubbles: true, detail: data }));
      }
    } else if (answer.status >= 500 || answer.status === 429 || answer.ok) {
      this.later("The server is busy");
    } else {
      this.refused(entry, data?.error ?? [].concat(data?.errors ?? data?.detail ?? []).join(" "));
    }
  }

  saved(entry, data) {
    const more = this.queue.some((other) => other.item === entry.item && other.attribute === entry.attribute);
    const place = this.place(entry);
    if (place && !more) {
      this.mark(entry, "");
      if (entry.note !== undefined) place.defaultValue = entry.note;
      else if (data.value !== undefined || data.evidence !== undefined) {
        this.paint(place, data.value ?? place.dataset.value, data.evidence);
      }
    }
    if (data.message) document.dispatchEvent(new CustomEvent("toast", { detail: { text: data.message, kind: "info" } }));
  }

  later(why) {
    const n = this.queue.length;
    this.say(`${why}: ${n} ${n === 1 ? "entry" : "entries"} not saved yet, kept here; trying again…`, true);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), this.wait);
    this.wait = Math.min(this.wait * 2, 30000);
  }

  refused(entry, text) {
    this.stuck = true;
    this.mark(entry, "failed");
    this.place(entry)?.setAttribute("aria-invalid", "true");
    const n = this.queue.length;
    this.say(`${text || "The server refused this entry."} ${n === 1 ? "It is" : `${n} entries are`} not saved.`, true);
    this.offer([["retry", "Try again"], ["drop", "Undo it"]]);
  }

  offer(acts) {
    for (const [act, label] of acts) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-sm";
      button.dataset.sheetAct = act;
      button.textContent = label;
      this.status?.append(" ", button);
    }
  }

  retry() {
    this.stuck = false;
    if (this.queue[0]) this.mark(this.queue[0], "saving");
    this.say("saving…");
    this.send();
  }

  drop() {
    this.stuck = false;
    const entry = this.queue.shift();
    const place = entry && this.place(entry);
    if (place) {
      this.mark(entry, "");
      place.removeAttribute("aria-invalid");
      if (entry.note !== undefined) place.value = entry.undo.before ?? "";
      else this.paint(place, entry.undo.before ?? "", entry.undo.beforeEvidence);
    }
    this.keep();
    this.say(this.queue.length ? "saving…" : "undone; nothing waits");
    this.send();
  }

  discard() {
    this.queue = [];
    this.keep();
    window.location.reload();
  }

  say(text, bad = false) {
    if (!this.status) return;
    this.status.textContent = text;
    this.status.classList.toggle("bad", bad);
  }
}

const sheets = new WeakSet();
function start() {
  for (const root of document.querySelectorAll("[data-sheet]")) {
    if (sheets.has(root)) continue;
    sheets.add(root);
    const sheet = new Sheet(root);
    document.addEventListener("input", (event) => {
      if (event.target.matches("#cite [data-cite-find]")) sheet.narrowCite(event.target.form, event.target.value);
    });
  }
}
document.addEventListener("htmx:afterSettle", start);
start();

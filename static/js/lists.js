// Lists: filter, sort, search and pick rows in the page; the URL holds the state.

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const texts = new WeakMap();
const places = new WeakMap();

const rowsOf = (list) => [...list.querySelectorAll(":scope > tbody > tr:not(.no-match), :scope > li:not(.no-match)")];
const formOf = (list) => document.querySelector(`form[data-filter="${CSS.escape(list.id)}"]`);

function textOf(row) {
  if (!texts.has(row)) texts.set(row, `${row.textContent} ${row.dataset.text ?? ""}`.toLowerCase().replace(/\s+/g, " "));
  return texts.get(row);
}

function controls(form) {
  return [...form.elements].filter(
    (field) => field.name && field.name !== "nojs" && field.type !== "submit" && field.name !== "csrfmiddlewaretoken",
  );
}

function wanted(form) {
  const found = new Map();
  for (const field of controls(form)) {
    if ((field.type === "checkbox" || field.type === "radio") && !field.checked) continue;
    if (field.value) found.set(field.name, [...(found.get(field.name) ?? []), field.value]);
  }
  return found;
}

function matches(row, filters) {
  for (const [name, values] of filters) {
    if (name === "q") {
      if (!values[0].toLowerCase().split(/\s+/).every((word) => textOf(row).includes(word))) return false;
    } else {
      const raw = row.dataset[name.replace(/[-_](\w)/g, (_, letter) => letter.toUpperCase())] ?? "";
      if (!values.some((value) => raw === value || raw.split(" ").includes(value))) return false;
    }
  }
  return true;
}

function count(form, list, shown, all) {
  const place = form.querySelector("[data-count]");
  const noun = (list.dataset.noun ?? "rows").replace(all === 1 ? /s$/ : /$^/, "");
  if (place) place.textContent = shown === all ? `${all} ${noun}` : `${shown} of ${all} ${noun}`;
}

function noMatch(list, show) {
  let line = list.querySelector(".no-match");
  if (!show) return line?.remove();
  if (line) return undefined;
  const table = list.tagName === "TABLE";
  line = document.createElement(table ? "tr" : "li");
  line.className = "no-match";
  const cell = document.createElement(table ? "td" : "span");
  if (table) cell.colSpan = list.tHead?.rows[0]?.cells.length || 1;
  cell.append(`Nothing matches these filters. `);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm";
  button.textContent = "Clear them";
  button.addEventListener("click", () => {
    const form = formOf(list);
    for (const field of controls(form)) {
      if (field.type === "checkbox" || field.type === "radio") field.checked = false;
      else field.value = "";
    }
    apply(list);
    form.querySelector("input[type='search']")?.focus();
  });
  cell.append(button);
  line.append(cell);
  (table ? list.tBodies[0] : list).append(line);
  return undefined;
}

function sortKey(list) {
  return list.dataset.sorted ?? "";
}

function sort(list) {
  if (list.tagName !== "TABLE") return;
  const key = sortKey(list);
  const name = key.replace(/^-/, "");
  for (const head of list.querySelectorAll("th[data-sort]")) {
    if (head.dataset.sort === name) head.setAttribute("aria-sort", key.startsWith("-") ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  const head = list.querySelector(`th[data-sort="${CSS.escape(name)}"]`);
  const rows = rowsOf(list);
  const direction = key.startsWith("-") ? -1 : 1;
  if (head) {
    const column = head.cellIndex;
    const value = (row) => row.cells[column]?.dataset.value ?? row.cells[column]?.textContent.trim() ?? "";
    const keyed = rows.map((row) => [row, value(row)]);
    keyed.sort(([one, a], [two, b]) => {
      if (!a !== !b) return a ? -1 : 1; // rows without a value come last, either way
      return direction * collator.compare(a, b) || places.get(one) - places.get(two);
    });
    list.tBodies[0].append(...keyed.map(([row]) => row));
  } else {
    list.tBodies[0].append(...rows.sort((one, two) => places.get(one) - places.get(two)));
  }
}

function remember(list, filters) {
  const url = new URL(window.location.href);
  const form = formOf(list);
  for (const field of form ? controls(form) : []) url.searchParams.delete(field.name);
  url.searchParams.delete("sort");
  url.searchParams.delete("nojs");
  for (const [name, values] of filters) for (const value of values) url.searchParams.append(name, value);
  if (sortKey(list)) url.searchParams.set("sort", sortKey(list));
  if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
}

function apply(list, { keep = true } = {}) {
  const form = formOf(list);
  const filters = form ? wanted(form) : new Map();
  let shown = 0;
  const rows = rowsOf(list);
  for (const row of rows) {
    row.hidden = !matches(row, filters);
    if (row.hidden) {
      const box = row.querySelector("td.pick input");
      if (box?.checked) box.checked = false;
    } else shown += 1;
  }
  if (form) {
    count(form, list, shown, rows.length);
    for (const field of controls(form)) if (field.tagName === "SELECT") field.classList.toggle("set", Boolean(field.value));
  }
  noMatch(list, rows.length > 0 && shown === 0);
  picked(list);
  if (keep) remember(list, filters);
}

// -- Picking rows ----------------------------------------------------------------------------

function picked(list) {
  const boxes = [...list.querySelectorAll("td.pick input[type='checkbox'], li input[name='ids']")];
  const open = boxes.filter((box) => !box.closest("tr, li").hidden);
  const chosen = boxes.filter((box) => box.checked);
  for (const box of boxes) box.closest("tr, li").classList.toggle("picked", box.checked);
  const all = list.querySelector("[data-all]");
  if (all) {
    all.checked = open.length > 0 && chosen.length === open.length;
    all.indeterminate = chosen.length > 0 && chosen.length < open.length;
  }
  const bar = list.id && document.querySelector(`[data-bulk="${CSS.escape(list.id)}"]`);
  if (bar) {
    bar.hidden = chosen.length === 0;
    const place = bar.querySelector("[data-bulk-count]");
    if (place) place.textContent = `${chosen.length} of ${boxes.length} picked`;
  }
}

let lastBox = null;
document.addEventListener("click", (event) => {
  const head = event.target.closest("button.sort");
  if (head) {
    const list = head.closest("[data-list]");
    const name = head.closest("th").dataset.sort;
    const now = sortKey(list);
    list.dataset.sorted = now === name ? `-${name}` : now === `-${name}` ? "" : name;
    sort(list);
    remember(list, formOf(list) ? wanted(formOf(list)) : new Map());
    return;
  }
  const box = event.target.closest("[data-list] input[type='checkbox']");
  if (!box) return;
  const list = box.closest("[data-list]");
  if (box.matches("[data-all]")) {
    for (const row of rowsOf(list)) {
      const own = row.querySelector("td.pick input[type='checkbox']");
      if (own && !row.hidden && !own.disabled) own.checked = box.checked;
    }
  } else {
    if (event.shiftKey && lastBox?.isConnected && lastBox.closest("[data-list]") === list) {
      const rows = rowsOf(list).filter((row) => !row.hidden);
      const [from, to] = [rows.indexOf(lastBox.closest("tr, li")), rows.indexOf(box.closest("tr, li"))].sort((a, b) => a - b);
      for (const row of rows.slice(from, to + 1)) row.querySelector("td.pick input[type='checkbox']").checked = box.checked;
    }
    lastBox = box;
  }
  picked(list);
});

// -- Start and refresh -----------------------------------------------------------------------

function read(list) {
  const query = new URL(window.location.href).searchParams;
  const form = formOf(list);
  for (const field of form ? controls(form) : []) {
    const values = query.getAll(field.name);
    if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
    else if (query.has(field.name)) field.value = values[0];
  }
  list.dataset.sorted = query.get("sort") ?? "";
}

// The head of a table that fits stays in sight; one that is wider scrolls to the side, and its head with it. Measured
// as a box that scrolls: one that does not grows with its table, and would fit whatever the window.
const widths = new ResizeObserver((entries) => {
  for (const scroll of new Set(entries.map((entry) => entry.target.closest(".scroll")).filter(Boolean))) {
    scroll.classList.remove("fits");
    scroll.classList.toggle("fits", scroll.querySelector("table").offsetWidth <= scroll.clientWidth);
  }
});

function prepare(list) {
  if (list.tagName === "TABLE" && list.parentElement.matches("main .scroll:not(.tall)")) {
    widths.observe(list);
    widths.observe(list.parentElement);
  }
  let place = 0;
  for (const row of rowsOf(list)) places.set(row, place++);
  for (const head of list.querySelectorAll("th[data-sort]:not(:has(button))")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
  }
  const form = formOf(list);
  const hidden = form?.elements.nojs;
  if (hidden) hidden.disabled = true;
  if (sortKey(list)) sort(list);
  apply(list, { keep: false });
}

function start() {
  for (const list of document.querySelectorAll("[data-list]")) {
    if (formOf(list) || list.querySelector("th[data-sort]")) read(list);
    prepare(list);
  }
}

const listsOf = (form) => document.getElementById(form.dataset.filter);
document.addEventListener("input", (event) => {
  const form = event.target.form;
  const list = form?.dataset.filter && listsOf(form);
  if (list) apply(list);
});
document.addEventListener("submit", (event) => {
  if (!event.target.dataset.filter || !listsOf(event.target)) return;
  event.preventDefault();
  apply(listsOf(event.target));
});
window.addEventListener("popstate", start);
document.addEventListener("htmx:afterSettle", (event) => {
  const target = event.detail.target;
  const lists = new Set([...target.querySelectorAll("[data-list]")]);
  const own = target.closest("[data-list]");
  if (own) lists.add(own);
  for (const list of lists) {
    if (list.dataset.sorted === undefined) read(list);
    prepare(list);
  }
});
start();

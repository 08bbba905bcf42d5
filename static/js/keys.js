// Single keys: ? help, / search, and j k x Enter in lists. They can be switched off in the help.

const STORE = "single-keys";
const on = () => {
  try {
    return localStorage.getItem(STORE) !== "off";
  } catch {
    return true;
  }
};

const toggle = document.querySelector("[data-keys-toggle]");
if (toggle) {
  toggle.checked = on();
  toggle.addEventListener("change", () => {
    try {
      localStorage.setItem(STORE, toggle.checked ? "on" : "off");
    } catch {
      toggle.checked = true; // nothing can be stored here, so the keys stay as they are
    }
  });
}

// What a page offers by a letter of its own: the link or button with this data-key. Nothing is signed out of a cell.
function offered(event) {
  if (!on() || document.querySelector("dialog[open]") || event.repeat || event.key.length !== 1) return null;
  if (event.target.closest("input:not([type='checkbox'], [type='radio']), textarea, select, [contenteditable]")) return null;
  const found = [...document.querySelectorAll(`main [data-key="${CSS.escape(event.key)}"]`)].find(visible);
  return found?.tagName === "BUTTON" && event.target.closest("[role='grid']") ? null : found;
}

const visible = (element) => element.offsetParent !== null;
const rowsOf = (list) => [...list.querySelectorAll(":scope > tbody > tr, :scope > li")].filter((row) => !row.hidden && visible(row));
const linkOf = (row) => row.querySelector("[data-open]") ?? row.querySelector("a[href]");

function currentList() {
  const here = document.activeElement?.closest("[data-list]");
  return here ?? document.querySelector("[data-list]:has(.on)") ?? [...document.querySelectorAll("main [data-list]")].find(visible);
}

function go(row) {
  for (const other of document.querySelectorAll("[data-list] .on")) other.classList.remove("on");
  row.classList.add("on");
  const target = linkOf(row) ?? row;
  if (target === row) row.tabIndex = -1;
  target.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest", behavior: "instant" });
}

function move(step) {
  const list = currentList();
  if (!list) return false;
  const rows = rowsOf(list);
  if (!rows.length) return false;
  const at = rows.findIndex((row) => row.contains(document.activeElement) || row.classList.contains("on"));
  go(rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1)]);
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const here = offered(event);
  if (here) {
    event.preventDefault();
    here.click();
    return;
  }
  if (event.target.closest("input:not([type='checkbox'], [type='radio']), textarea, select, [contenteditable], dialog, [role='grid'] td")) {
    // In a search field the arrow leads down into the list that it filters.
    if (event.key === "ArrowDown" && event.target.matches("[data-filter] input[type='search']") && move(1)) event.preventDefault();
    if (event.key === "Escape" && event.target.matches("input[type='search']")) event.target.blur();
    return;
  }
  if (document.querySelector("dialog[open]") || !on()) return;
  const row = document.querySelector("[data-list] .on");
  let done = true;
  if (event.key === "?") document.getElementById("keys")?.showModal();
  else if (event.key === "/") {
    const field = [...document.querySelectorAll("main [data-filter] input[type='search'], main [data-sheet-find]")].find(visible);
    if (field) field.focus();
    else document.dispatchEvent(new CustomEvent("palette"));
  } else if (event.key === "j") done = move(1);
  else if (event.key === "k") done = move(-1);
  else if (event.key === "x" && row) row.querySelector("input[type='checkbox']")?.click();
  else if (event.key === "Enter" && row && !event.target.closest("a, button, input, summary")) linkOf(row)?.click();
  else done = false;
  if (done) event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  const row = event.target.closest("[data-list] > tbody > tr, [data-list] > li");
  for (const other of document.querySelectorAll("[data-list] .on")) if (other !== row) other.classList.remove("on");
  row?.classList.add("on");
});

// A deviation says what was found. Marking one in a row without a note asks for the note first; Enter
// records both, Escape neither. The sheet itself then saves them in this order.

const cellOf = (target) => target.closest?.("td[data-attribute]");
const noteOf = (cell) => cell?.parentElement.querySelector("[data-sheet-note]");

let asked = null; // the cell whose deviation waits for its note

function ask(cell, event) {
  const note = noteOf(cell);
  if (!note || note.value.trim() || cell.dataset.value === "deviation") return false;
  event.preventDefault();
  event.stopImmediatePropagation();
  asked = cell;
  note.placeholder = "What was found? Enter records it";
  note.focus();
  note.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
  return true;
}

function mark(cell) {
  cell.focus();
  cell.dispatchEvent(new KeyboardEvent("keydown", { key: "d", bubbles: true, cancelable: true }));
}

document.addEventListener(
  "keydown",
  (event) => {
    const sheet = event.target.closest?.("[data-sheet]");
    if (!sheet) return;
    const cell = cellOf(event.target);
    if (cell && event.target === cell && event.key === "d" && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (cell.getAttribute("aria-readonly") !== "true") ask(cell, event);
      return;
    }
    if (!event.target.matches("[data-sheet-note]")) return;
    const back = asked ?? event.target.closest("tr").querySelector("td[data-attribute]");
    if (event.key === "Enter") {
      event.preventDefault();
      const waiting = asked;
      asked = null;
      event.target.placeholder = "";
      const written = event.target.value.trim();
      event.target.blur(); // what was changed is saved by this
      if (waiting && written) mark(waiting);
      else back?.focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      asked = null;
      event.target.placeholder = "";
      event.target.value = event.target.defaultValue;
      delete event.target.dataset.dirty;
      back?.focus();
    }
  },
  true,
);

document.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest?.("[data-sheet-act='deviation']");
    const cell = button?.closest("[data-sheet]").querySelector("td[data-attribute][tabindex='0']");
    if (cell && cell.getAttribute("aria-readonly") !== "true") ask(cell, event);
  },
  true,
);

// Leaving the note with words in it records the deviation too; without words nothing is recorded.
document.addEventListener("focusout", (event) => {
  if (!asked || !event.target.matches?.("[data-sheet-note]") || noteOf(asked) !== event.target) return;
  const waiting = asked;
  asked = null;
  event.target.placeholder = "";
  if (event.target.value.trim()) setTimeout(() => mark(waiting), 0);
});

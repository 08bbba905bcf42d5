// A rectangular block from a spreadsheet, read into changes of the sheet: results by attribute, and the note.
// Whatever is not understood is named at its cell, and then nothing of the block is taken.

const RESULTS = {
  pass: ["p", "pass", "passed", "ok", "✓", "✔", "√"],
  deviation: ["d", "dev", "deviation", "f", "fail", "failed", "exception", "✗", "✘", "×"],
  na: ["n", "na", "n/a", "not applicable"],
};
const EMPTY = new Set(["", "·", ".", "-", "–"]);
const WITH_NOTE = /^([^\s:–-]+)\s*[:–-]\s*(.+)$/s;

export const cellsOf = (row) => [...row.querySelectorAll("td[data-attribute]")];

/** Tab-separated text as spreadsheets put it on the clipboard: quoted where a cell has line ends in it. */
export function table(text) {
  const rows = [[]];
  const source = text.replace(/\r\n?/g, "\n");
  let cell = "";
  let quoted = false;
  for (let at = 0; at < source.length; at++) {
    const sign = source[at];
    if (quoted) {
      if (sign === '"' && source[at + 1] === '"') {
        cell += '"';
        at++;
      } else if (sign === '"') quoted = false;
      else cell += sign;
    } else if (sign === '"' && cell === "") quoted = true;
    else if (sign === "\t") {
      rows.at(-1).push(cell);
      cell = "";
    } else if (sign === "\n") {
      rows.at(-1).push(cell);
      rows.push([]);
      cell = "";
    } else cell += sign;
  }
  rows.at(-1).push(cell);
  // A spreadsheet ends its last row with a line end too.
  if (rows.length > 1 && rows.at(-1).length === 1 && rows.at(-1)[0] === "") rows.pop();
  return rows;
}

function result(text) {
  const word = text.trim().toLowerCase();
  return Object.keys(RESULTS).find((value) => RESULTS[value].includes(word));
}

/** What one cell of the block says: nothing, a result, a result with its note; undefined when not understood. */
export function said(text) {
  const whole = text.trim();
  if (EMPTY.has(whole)) return {};
  const plain = result(whole);
  if (plain) return { value: plain };
  const parts = WITH_NOTE.exec(whole);
  const value = parts && result(parts[1]);
  return value ? { value, note: parts[2].trim() } : undefined;
}

const short = (text) => (text.length > 30 ? `${text.slice(0, 30)}…` : text);

/** Changes {place, value?, note?} of a block put down at a cell or a note, or refusals {place, words}. */
export function block(text, start, rows) {
  const found = { changes: [], refusals: [] };
  const lines = table(text);
  const first = rows.indexOf(start.closest("tr"));
  const left = rows.length - first;
  if (lines.length > left) {
    found.refusals.push({ place: start, words: `The block has ${lines.length} rows; from here on the sheet has ${left}.` });
    return found;
  }
  lines.forEach((line, down) => {
    const row = rows[first + down];
    const note = row.querySelector("[data-sheet-note]");
    const places = [...cellsOf(row), ...(note ? [note] : [])];
    const from = start.matches("td") ? cellsOf(start.parentElement).indexOf(start) : places.indexOf(note);
    line.forEach((cell, right) => {
      const place = places[from + right];
      if (!place) {
        if (cell.trim()) found.refusals.push({ place: places.at(-1), words: `“${short(cell)}” lies beyond the last column.` });
      } else if (place === note) {
        if (cell.trim()) found.changes.push({ place, note: cell.replace(/\s+/g, " ").trim() });
      } else {
        const change = said(cell);
        if (!change) found.refusals.push({ place, words: `“${short(cell)}” is no result. Write p, d or n; a note after a colon.` });
        else if (change.value !== undefined) found.changes.push({ place, ...change });
      }
    });
  });
  return found;
}

// Naming somebody in a comment: after @ the names that fit are offered. Arrows choose, Enter or Tab takes, Escape closes.

let box = null; // the open list
let field = null;
let from = 0; // where the @ stands

const names = (area) => (area.dataset.mention ?? "").split("|").filter(Boolean);

function wanted(area) {
  const before = area.value.slice(0, area.selectionStart);
  const at = before.lastIndexOf("@");
  if (at < 0 || /[\w@.]/.test(before[at - 1] ?? "")) return null;
  const typed = before.slice(at + 1);
  if (typed.length > 40 || /\n/.test(typed)) return null;
  const words = typed.toLowerCase();
  const fitting = names(area).filter(
    (name) => name.toLowerCase().startsWith(words) || (words && name.toLowerCase().split(" ").some((part) => part.startsWith(words))),
  );
  fitting.sort((one, other) => other.toLowerCase().startsWith(words) - one.toLowerCase().startsWith(words));
  // A name that stands there whole is done.
  if (!fitting.length || fitting.some((name) => name.toLowerCase() === words)) return null;
  return { at, fitting: fitting.slice(0, 8) };
}

function close() {
  box?.remove();
  box = null;
  field?.removeAttribute("aria-controls");
  field?.removeAttribute("aria-activedescendant");
  field?.setAttribute("aria-expanded", "false");
}

function choose(index) {
  const options = [...box.children];
  const at = (index + options.length) % options.length;
  options.forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
  options[at].scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", options[at].id);
}

const chosen = () => [...box.children].findIndex((option) => option.getAttribute("aria-selected") === "true");

function take(name) {
  const end = field.selectionStart;
  field.setRangeText(`@${name} `, from, end, "end");
  close();
  field.focus();
}

function offer(area) {
  const found = wanted(area);
  if (!found) return close();
  close();
  field = area;
  from = found.at;
  box = document.createElement("ul");
  box.className = "names";
  box.id = `${area.id}-names`;
  box.setAttribute("role", "listbox");
  box.setAttribute("aria-label", "People to name");
  found.fitting.forEach((name, place) => {
    const option = document.createElement("li");
    option.id = `${box.id}-${place}`;
    option.setAttribute("role", "option");
    option.textContent = name;
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      take(name);
    });
    box.append(option);
  });
  area.after(box);
  area.setAttribute("aria-controls", box.id);
  area.setAttribute("aria-expanded", "true");
  return choose(0);
}

for (const area of document.querySelectorAll("textarea[data-mention]")) {
  area.setAttribute("role", "combobox");
  area.setAttribute("aria-autocomplete", "list");
  area.setAttribute("aria-haspopup", "listbox");
  area.setAttribute("aria-expanded", "false");
}
document.addEventListener("input", (event) => {
  if (event.target.matches?.("textarea[data-mention]")) offer(event.target);
});
document.addEventListener("keydown", (event) => {
  if (!box || event.target !== field) return;
  if (event.key === "ArrowDown") choose(chosen() + 1);
  else if (event.key === "ArrowUp") choose(chosen() - 1);
  else if (event.key === "Enter" || event.key === "Tab") take(box.children[chosen()].textContent);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
  event.stopPropagation();
});
document.addEventListener("focusout", (event) => {
  if (box && event.target === field) close();
});

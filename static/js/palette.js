// Ctrl or Cmd K: find a control, criterion, request or person and go there.

const dialog = document.getElementById("palette");
const input = document.getElementById("palette-q");
const list = document.getElementById("palette-list");
const note = dialog?.querySelector(".palette-note");
let chosen = 0;
let asked = null;
let timer = 0;

// The sections of this engagement are known without asking the server.
function sections(query) {
  return [...document.querySelectorAll("#side-links a")]
    .map((link) => ({ label: link.firstElementChild.textContent, url: link.href, kind: "section" }))
    .filter((item) => item.label.toLowerCase().includes(query));
}

function show(items) {
  list.replaceChildren(
    ...items.map((item, index) => {
      const row = document.createElement("li");
      row.role = "presentation";
      const link = document.createElement("a");
      link.href = item.url;
      link.role = "option";
      link.id = `palette-${index}`;
      link.tabIndex = -1;
      for (const [css, text] of [["code", item.code], ["label", item.label], ["kind", item.kind]]) {
        if (!text) continue;
        const part = document.createElement("span");
        part.className = css;
        part.textContent = text;
        link.append(part);
      }
      row.append(link);
      return row;
    }),
  );
  input.setAttribute("aria-expanded", String(items.length > 0));
  choose(0);
}

function choose(index) {
  const links = [...list.querySelectorAll("a")];
  chosen = links.length ? (index + links.length) % links.length : 0;
  links.forEach((link, at) => link.setAttribute("aria-selected", String(at === chosen)));
  const link = links[chosen];
  if (link) {
    input.setAttribute("aria-activedescendant", link.id);
    link.scrollIntoView({ block: "nearest" });
  } else input.removeAttribute("aria-activedescendant");
}

async function ask() {
  const query = input.value.trim();
  const local = sections(query.toLowerCase());
  asked?.abort();
  if (!dialog.dataset.url) {
    show(local);
    note.textContent = local.length ? "" : "Nothing here has that name.";
    return;
  }
  asked = new AbortController();
  const url = new URL(dialog.dataset.url, window.location.href);
  url.searchParams.set("q", query);
  if (dialog.dataset.engagement) url.searchParams.set("engagement", dialog.dataset.engagement);
  try {
    const answer = await fetch(url, { signal: asked.signal, headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const found = await answer.json();
    const known = new Set(found.map((item) => new URL(item.url, window.location.href).href));
    const items = [...found, ...local.filter((item) => !known.has(item.url))];
    show(query ? items : [...local, ...found]);
    note.textContent = items.length ? "" : `Nothing matches “${query}”. Try a code such as CC6.1 or REQ-014, or a word of the title.`;
  } catch (error) {
    if (error.name === "AbortError") return;
    show(local);
    note.textContent = "The search cannot be reached just now; sections still work.";
  }
}

function open() {
  if (dialog.open) return;
  dialog.showModal();
  input.select();
  ask();
}

if (dialog) {
  document.addEventListener("palette", open);
  document.addEventListener("click", (event) => event.target.closest("[data-palette-open]") && open());
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (dialog.open) dialog.close();
      else if (!document.querySelector("dialog[open]")) open();
    }
  });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 120);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter") list.querySelectorAll("a")[chosen]?.click();
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", () => dialog.close());
}

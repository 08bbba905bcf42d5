// Libraries that few pages need, fetched when something on the page asks for them.

const source = document.querySelector("script[data-tom-select]").dataset;
const loading = new Map();

function load(url) {
  if (!loading.has(url)) {
    loading.set(
      url,
      new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = url;
        script.onload = resolve;
        script.onerror = reject;
        document.head.append(script);
      }),
    );
  }
  return loading.get(url);
}

function style(url) {
  if (document.querySelector(`link[href="${CSS.escape(url)}"]`)) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = url;
  document.querySelector("link[rel='stylesheet']").after(link); // before our own sheet, which overrides it
}

async function selects() {
  const fields = [...document.querySelectorAll("select[data-select]:not(.tomselected)")];
  if (!fields.length) return;
  style(source.tomSelectCss);
  await load(source.tomSelect);
  for (const field of fields) {
    if (field.tomselect) continue;
    const plugins = field.multiple ? ["remove_button"] : [];
    const select = new window.TomSelect(field, { plugins, maxOptions: 500, hideSelected: field.multiple, closeAfterSelect: !field.multiple });
    select.wrapper.classList.remove("form-select", "form-control"); // our sheet dresses it
    field.setAttribute("aria-hidden", "true"); // the library's own control takes over the label
    const described = field.getAttribute("aria-describedby");
    if (described) select.control_input.setAttribute("aria-describedby", described);
  }
}

function sorted(list) {
  list.dispatchEvent(new CustomEvent("sorted", { bubbles: true }));
}

async function sortables() {
  const lists = [...document.querySelectorAll("[data-sortable]:not([data-ready])")];
  if (!lists.length) return;
  await load(source.sortable);
  for (const list of lists) {
    list.dataset.ready = "";
    window.Sortable.create(list, { handle: "[data-drag]", animation: 0, onEnd: () => sorted(list) });
  }
}

// The same by the arrow keys on the handle.
document.addEventListener("keydown", (event) => {
  const handle = event.target.closest?.("[data-drag]");
  const list = handle?.closest("[data-sortable]");
  if (!list || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  const row = [...list.children].find((child) => child.contains(handle));
  const other = event.key === "ArrowUp" ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  if (event.key === "ArrowUp") other.before(row);
  else other.after(row);
  handle.focus();
  sorted(list);
});

function start() {
  selects();
  sortables();
}
document.addEventListener("htmx:afterSettle", start);
start();

// A preview of evidence has no scripts of its own: whether it is dark is told to it from here.
function dress(frame) {
  const inner = frame.contentDocument?.documentElement;
  if (inner) inner.dataset.bsTheme = document.documentElement.dataset.bsTheme ?? "";
}
const frames = () => [...document.querySelectorAll("iframe.preview")];
if (frames().length) {
  for (const frame of frames()) {
    frame.addEventListener("load", () => dress(frame));
    dress(frame);
  }
  new MutationObserver(() => frames().forEach(dress)).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}

// Markdown beside its preview; the preview is rendered and sanitised by the server.

const csrf = () => JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
const AROUND = { bold: "**", italic: "_" };
const BEFORE = { heading: "## ", list: "- ", numbers: "1. " };
const TABLE = "\n| Name | Purpose |\n|---|---|\n|  |  |\n";

class Editor {
  constructor(root) {
    this.root = root;
    this.text = root.querySelector("[data-editor-text]");
    this.out = root.querySelector("[data-editor-out]");
    this.status = root.querySelector("[data-editor-status]");
    this.saved = this.text.value;
    this.text.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.preview(), 400);
    });
    this.text.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
      const act = { b: "bold", i: "italic" }[event.key.toLowerCase()];
      if (!act) return;
      event.preventDefault();
      this.act(act);
    });
    root.addEventListener("click", (event) => {
      const tool = event.target.closest("[data-md]");
      if (tool) this.act(tool.dataset.md);
      const toggle = event.target.closest("[data-editor-preview]");
      if (toggle) {
        const shown = root.classList.toggle("source") === false;
        toggle.setAttribute("aria-pressed", String(shown));
        if (shown) this.preview();
      }
    });
    this.text.form?.addEventListener("submit", () => (this.saved = this.text.value));
    window.addEventListener("beforeunload", (event) => {
      if (this.root.isConnected && this.text.value !== this.saved) event.preventDefault();
    });
    if (!this.out.textContent.trim()) this.preview();
  }

  // Text goes in through the browser's own editing, so that undo keeps working.
  insert(text, from, to) {
    this.text.focus();
    this.text.setSelectionRange(from, to);
    if (!document.execCommand("insertText", false, text)) {
      this.text.setRangeText(text, from, to, "end");
      this.text.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  act(name) {
    const { selectionStart: from, selectionEnd: to, value } = this.text;
    const chosen = value.slice(from, to);
    if (AROUND[name]) {
      const sign = AROUND[name];
      this.insert(`${sign}${chosen || "text"}${sign}`, from, to);
      if (!chosen) this.text.setSelectionRange(from + sign.length, from + sign.length + 4);
    } else if (BEFORE[name]) {
      const start = value.lastIndexOf("\n", from - 1) + 1;
      const lines = value.slice(start, to).split("\n");
      const marked = lines.map((line) => (line.trim() || lines.length === 1 ? BEFORE[name] + line : line));
      this.insert(marked.join("\n"), start, to);
    } else if (name === "link") {
      this.insert(`[${chosen || "text"}](https://)`, from, to);
    } else if (name === "table") {
      this.insert(TABLE, to, to);
    }
  }

  async preview() {
    if (!this.root.dataset.preview || this.root.classList.contains("source")) return;
    this.asked?.abort();
    this.asked = new AbortController();
    this.out.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(this.root.dataset.preview, {
        method: "POST",
        body: new URLSearchParams({ text: this.text.value }),
        headers: { "X-CSRFToken": csrf(), "HX-Request": "true" },
        signal: this.asked.signal,
      });
      if (!answer.ok) throw new Error(String(answer.status));
      this.out.innerHTML = await answer.text();
      this.status.textContent = "";
    } catch (error) {
      if (error.name === "AbortError") return;
      this.status.textContent = "No preview just now; your text is safe here.";
    }
    this.out.removeAttribute("aria-busy");
  }
}

const editors = new WeakSet();
function start() {
  for (const root of document.querySelectorAll("[data-editor]")) {
    if (editors.has(root)) continue;
    editors.add(root);
    new Editor(root);
  }
}
document.addEventListener("htmx:afterSettle", start);
start();

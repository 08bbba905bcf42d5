// Files dropped on a form go in parts that survive a lost connection, a closed page and a restarted server (tus);
// without scripts the form is an ordinary one.

const AT_ONCE = 2;
const PART = 8 * 1024 * 1024;
const RETRIES = [0, 1000, 3000, 5000, 10000, 20000, 30000, 60000];
const state = new WeakMap(); // form -> {waiting, running, sent}
const lines = new Map(); // line -> {form, file, upload}: what is on its way

const library = document.querySelector("script[data-tus]")?.dataset.tus;
let loading;

function load() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = library;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

function make(tag, css, text = "") {
  const element = document.createElement(tag);
  if (css) element.className = css;
  if (text) element.textContent = text;
  return element;
}

function listOf(form) {
  let list = form.querySelector(".upload-list");
  if (!list) {
    list = make("ul", "upload-list");
    list.setAttribute("aria-label", "Files being sent");
    form.append(list);
    const said = make("p", "visually-hidden");
    said.dataset.uploadSaid = "";
    said.setAttribute("role", "status");
    form.append(said);
  }
  return list;
}

function say(form, words) {
  form.querySelector("[data-upload-said]").textContent = words;
}

function refusal(form, file) {
  const most = Number(form.dataset.max || 0);
  const types = (form.dataset.types || "").toLowerCase().split(/[\s,]+/).filter(Boolean);
  const ending = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
  if (file.size === 0) return "This file is empty. Export or save it again.";
  if (most && file.size > most) return `This file is ${size(file.size)}; at most ${size(most)} can be sent. Split it or compress it.`;
  if (types.length && !types.includes(ending)) return `Files of this kind are not taken. Send ${types.join(", ")}.`;
  return "";
}

function fail(line, words, again) {
  line.classList.add("failed");
  line.querySelector("progress")?.remove();
  line.querySelector(".error")?.remove();
  line.querySelector(".state").textContent = "not sent";
  line.append(make("p", "error", words));
  const button = line.querySelector("[data-act]");
  button.hidden = false;
  button.textContent = again ? "Try again" : "Remove";
  button.onclick = again ?? (() => line.remove());
  say(line.closest("form"), `${line.querySelector(".name").textContent}: ${words}`);
}

const valueOf = (form, name) => form.querySelector(`[name="${name}"]`)?.value ?? "";

function metadataOf(form, file) {
  return {
    filename: file.name,
    request: form.dataset.request ?? "",
    match: form.dataset.match ?? "",
    replaces: valueOf(form, "replaces"),
    speaks_from: valueOf(form, "speaks_from"),
    speaks_to: valueOf(form, "speaks_to"),
  };
}

// What one file for one request is known by, also after the page was loaded anew.
const printOf = (form, file) =>
  ["upload", form.dataset.tus, form.dataset.request ?? "", file.name, file.size, file.lastModified].join(" ");

function wordsOf(error) {
  const answer = error.originalResponse;
  const text = (answer?.getBody() ?? "").trim();
  return { status: answer?.getStatus() ?? 0, text: text && text.length < 400 && !text.startsWith("<") ? text : "" };
}

async function send(form, file, line) {
  const words = line.querySelector(".state");
  try {
    await load();
  } catch {
    ended(form, line, false);
    fail(line, "The page could not be loaded fully. Load it again.");
    return;
  }
  const bar = line.querySelector("progress");
  const token = { "X-CSRFToken": valueOf(form, "csrfmiddlewaretoken") };
  const upload = new window.tus.Upload(file, {
    endpoint: form.dataset.tus,
    chunkSize: PART,
    retryDelays: RETRIES,
    removeFingerprintOnSuccess: true,
    headers: token,
    metadata: metadataOf(form, file),
    fingerprint: async () => printOf(form, file),
    onProgress: (sent, total) => {
      bar.max = total;
      bar.value = sent;
      words.textContent = sent === total ? "checking…" : `${Math.floor((100 * sent) / total)}% of ${size(total)}`;
    },
    onShouldRetry: (error) => {
      const { status } = wordsOf(error);
      const soon = navigator.onLine && (status < 400 || status >= 500 || [409, 423].includes(status));
      if (soon) words.textContent = `waiting at ${Math.floor((100 * bar.value) / bar.max)}%: the connection broke, it is tried again`;
      return soon;
    },
    onError: (error) => {
      const { status, text } = wordsOf(error);
      ended(form, line, false);
      const final = status >= 400 && status < 500 && ![400, 409, 423, 429].includes(status);
      if (final) fail(line, text || "The server refused this file. Load the page again.");
      else fail(line, text || "The connection broke. What was sent is kept; it goes on from there.", () => again(form, file, line));
    },
    onSuccess: () => follow(form, file, line, upload.url),
  });
  lines.set(line, { form, file, upload });
  const before = await upload.findPreviousUploads();
  if (before.length) upload.resumeFromPreviousUpload(before[0]);
  words.textContent = before.length ? "going on…" : "0%";
  pausable(line, upload, words);
  upload.start();
}

function pausable(line, upload, words) {
  const button = line.querySelector("[data-pause]");
  button.hidden = false;
  button.textContent = "Pause";
  button.onclick = async () => {
    if (button.textContent === "Pause") {
      button.textContent = "Go on";
      await upload.abort();
      words.textContent = "paused";
    } else {
      button.textContent = "Pause";
      words.textContent = "going on…";
      upload.start();
    }
  };
}

// Everything was sent: a worker looks at the file now, and the line says what came of it.
async function follow(form, file, line, url) {
  const words = line.querySelector(".state");
  line.querySelector("[data-pause]").hidden = true;
  words.textContent = "checking…";
  line.querySelector("progress")?.removeAttribute("value");
  for (let wait = 250; ; wait = Math.min(wait * 1.4, 3000)) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    let found;
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
        ended(form, line, false);
        fail(line, "The server no longer knows this file. Load the page again.");
        return;
      }
      if (answer.status === 429) continue; // too many at once: it goes on in a moment
      found = await answer.json();
    } catch {
      continue; // the server restarts, or the connection is away: the file is there
    }
    if (found.state === "checking" || found.state === "receiving") continue;
    line.dataset.token = url.split("/").filter(Boolean).pop();
    if (found.state === "refused") {
      fail(line, found.error || "The file was refused.");
      ended(form, line, true);
      return;
    }
    line.querySelector("progress")?.remove();
    words.textContent = found.message || "received";
    words.classList.add("ok-text");
    say(form, `${file.name}: ${words.textContent}`);
    ended(form, line, true);
    return;
  }
}

function ended(form, line, settled) {
  const own = state.get(form);
  own.running -= 1;
  lines.delete(line);
  line.querySelector("[data-pause]").hidden = true;
  if (settled) {
    own.sent += 1;
    document.body.dispatchEvent(new CustomEvent("uploaded", { bubbles: true, detail: { form } }));
  }
  next(form);
}

function again(form, file, line) {
  line.classList.remove("failed");
  line.querySelector(".error")?.remove();
  line.querySelector("[data-act]").hidden = true;
  queue(form, file, line);
}

function next(form) {
  const own = state.get(form);
  while (own.running < AT_ONCE && own.waiting.length) {
    const [file, line] = own.waiting.shift();
    own.running += 1;
    send(form, file, line);
  }
  if (own.running || own.waiting.length) return;
  if (own.sent) {
    own.sent = 0;
    if (form.hasAttribute("data-reload")) reload(form);
  }
}

// What the server refused stands on the page that comes; what was never sent is said only here.
function reload(form) {
  if (!form.querySelector(".upload-list .failed:not([data-token])")) {
    window.location.reload();
    return;
  }
  if (form.querySelector("[data-go-on]")) return;
  const button = make("button", "btn", "Go on with those that arrived");
  button.type = "button";
  button.dataset.goOn = "";
  button.onclick = () => window.location.reload();
  form.append(button);
}

function queue(form, file, line) {
  if (!line.querySelector("progress")) {
    const bar = make("progress");
    bar.setAttribute("aria-label", file.name);
    bar.max = 1;
    bar.value = 0;
    line.append(bar);
  }
  line.querySelector(".state").textContent = "waiting";
  state.get(form).waiting.push([file, line]);
  next(form);
}

function take(form, files) {
  if (!state.has(form)) state.set(form, { waiting: [], running: 0, sent: 0 });
  const list = listOf(form);
  for (const file of files) {
    const line = make("li");
    line.append(make("span", "name", file.name), make("span", "state small muted num", size(file.size)));
    const buttons = make("span", "buttons");
    for (const name of ["pause", "act"]) {
      const button = make("button", "btn btn-sm");
      button.type = "button";
      button.hidden = true;
      button.dataset[name] = "";
      buttons.append(button);
    }
    line.append(buttons);
    list.append(line);
    const words = refusal(form, file);
    if (words) fail(line, words);
    else queue(form, file, line);
  }
}

const busy = () => [...document.querySelectorAll("form[data-upload]")].some((form) => state.get(form)?.running);

document.addEventListener("change", (event) => {
  const form = event.target.type === "file" && event.target.closest("form[data-upload]");
  if (!form) return;
  take(form, [...event.target.files]);
  event.target.value = "";
});
document.addEventListener("submit", (event) => event.target.matches("form[data-upload]") && event.preventDefault());
for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    const forms = document.querySelectorAll("form[data-upload]");
    const form = event.target.closest("form[data-upload]") ?? (forms.length === 1 ? forms[0] : null);
    event.preventDefault(); // a file let go beside the field must not replace the page
    for (const drop of document.querySelectorAll(".drop.over")) drop.classList.remove("over");
    if (!form) return;
    if (name === "drop") take(form, [...event.dataTransfer.files]);
    else form.querySelector(".drop")?.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) for (const drop of document.querySelectorAll(".drop.over")) drop.classList.remove("over");
});
// The list is not replaced under the hands of somebody who explains a remark in it; it is asked for again later.
document.addEventListener("htmx:beforeSwap", (event) => {
  const list = event.detail.target;
  if (list?.id !== "files" || !list.querySelector("details[open]")) return;
  event.detail.shouldSwap = false;
  setTimeout(() => document.body.dispatchEvent(new CustomEvent("uploaded", { bubbles: true })), 5000);
});
// What the list on the page says of a refused file, its line need not say again.
document.addEventListener("htmx:afterSwap", () => {
  for (const line of document.querySelectorAll(".upload-list li.failed[data-token]")) {
    if (document.querySelector(`[data-unfinished="${CSS.escape(line.dataset.token)}"]`)) line.remove();
  }
});
// A connection that comes back is used at once, not at the next try.
window.addEventListener("online", () => {
  for (const line of document.querySelectorAll(".upload-list li.failed [data-act]")) {
    if (line.textContent === "Try again") line.click();
  }
});
window.addEventListener("beforeunload", (event) => busy() && event.preventDefault());

// Files dropped on a form go one by one, each with its progress; without scripts the form is an ordinary one.

const AT_ONCE = 2;
const state = new WeakMap(); // form -> {waiting, running, sent, failed}

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
    list.setAttribute("aria-live", "polite");
    form.append(list);
  }
  return list;
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

function answerOf(xhr) {
  try {
    return JSON.parse(xhr.responseText) ?? {};
  } catch {
    const text = (xhr.responseText ?? "").trim();
    return text && text.length < 300 && !text.startsWith("<") ? { error: text } : {};
  }
}

function fail(line, words, again) {
  line.classList.add("failed");
  line.querySelector("progress")?.remove();
  line.querySelector(".error")?.remove();
  line.querySelector(".state").textContent = "not sent";
  const error = make("p", "error", words);
  line.append(error);
  const button = line.querySelector("button");
  button.hidden = false;
  button.textContent = again ? "Try again" : "Remove";
  button.onclick = again ?? (() => line.remove());
}

function send(form, file, line) {
  const own = state.get(form);
  const field = form.querySelector("input[type='file']").name;
  const data = new FormData();
  for (const input of form.querySelectorAll("input, select, textarea")) {
    if (!input.name || input.type === "file" || (/checkbox|radio/.test(input.type) && !input.checked)) continue;
    data.append(input.name, input.value);
  }
  data.append(field, file, file.name);
  const xhr = new XMLHttpRequest();
  const bar = line.querySelector("progress");
  const words = line.querySelector(".state");
  xhr.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.max = event.total;
    bar.value = event.loaded;
    words.textContent = event.loaded === event.total ? "checking…" : `${Math.floor((100 * event.loaded) / event.total)}%`;
  });
  const done = (ok) => {
    own.running -= 1;
    if (ok) own.sent += 1;
    next(form);
  };
  const retry = () => {
    line.classList.remove("failed");
    line.querySelector(".error")?.remove();
    line.querySelector("button").hidden = true;
    queue(form, file, line);
  };
  xhr.addEventListener("load", () => {
    const answer = answerOf(xhr);
    if (xhr.status >= 200 && xhr.status < 300) {
      bar.remove();
      words.textContent = answer.message || "received";
      words.classList.add("ok-text");
      done(true);
      return;
    }
    const found = answer.error ?? answer.errors ?? answer.detail;
    const text = found ? [].concat(found).join(" ") : "";
    if (xhr.status === 413) fail(line, text || "The server takes no file this large.");
    else if (xhr.status >= 400 && xhr.status < 500) fail(line, text || "The server refused this file. Load the page again.");
    else fail(line, text || "The server could not take this file just now.", retry);
    done(false);
  });
  xhr.addEventListener("error", () => {
    fail(line, "The connection broke before the file had arrived.", retry);
    done(false);
  });
  xhr.open("POST", form.action);
  xhr.setRequestHeader("Accept", "application/json");
  xhr.send(data);
}

function next(form) {
  const own = state.get(form);
  while (own.running < AT_ONCE && own.waiting.length) {
    const [file, line] = own.waiting.shift();
    own.running += 1;
    line.querySelector(".state").textContent = "0%";
    send(form, file, line);
  }
  if (own.running || own.waiting.length) return;
  if (own.sent) {
    own.sent = 0;
    document.body.dispatchEvent(new CustomEvent("uploaded", { bubbles: true, detail: { form } }));
    if (form.hasAttribute("data-reload") && !form.querySelector(".upload-list .failed")) window.location.reload();
  }
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
  for (const file of files) {
    const line = make("li");
    line.append(make("span", "name", file.name), make("span", "state small muted num", size(file.size)));
    const button = make("button", "btn btn-sm");
    button.type = "button";
    button.hidden = true;
    line.append(button);
    listOf(form).append(line);
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
window.addEventListener("beforeunload", (event) => busy() && event.preventDefault());

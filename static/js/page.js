// What every page shares: dialogs, confirmations, messages, tips, the side panel, the narrow navigation.

const $ = (selector, root = document) => root.querySelector(selector);

// -- Dialogs ---------------------------------------------------------------------------------

function open(dialog, opener) {
  if (!(dialog instanceof HTMLDialogElement) || dialog.open) return;
  dialog.showModal();
  dialog.addEventListener("close", () => opener?.isConnected && opener.focus(), { once: true });
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog], a[href^='#']");
  if (opener) {
    const id = opener.dataset.dialog || opener.getAttribute("href").slice(1);
    const dialog = id && document.getElementById(id);
    if (dialog instanceof HTMLDialogElement) {
      event.preventDefault();
      open(dialog, opener);
      return;
    }
  }
  if (event.target.closest("[data-help-open]")) open($("#keys"), event.target.closest("[data-help-open]"));
  const closer = event.target.closest("[data-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog")?.close();
  }
  // A click beside a dialog that asks nothing closes it.
  if (event.target instanceof HTMLDialogElement && event.target.matches(".palette, #keys")) event.target.close();
});

// The button of a final act stays off until its word is typed.
function typed(input) {
  const button = input.form?.querySelector("footer button[type='submit']");
  if (button) button.disabled = !input.checkValidity();
}
for (const input of document.querySelectorAll("dialog input[name='confirm']")) typed(input);
document.addEventListener("input", (event) => {
  if (event.target.matches("dialog input[name='confirm']")) typed(event.target);
});

function asked(question, elt, yes) {
  const ask = $("#ask");
  $("#ask-text").textContent = question;
  $("#ask-yes").textContent = elt.dataset.confirmLabel || elt.textContent.trim() || "Go on";
  ask.returnValue = "";
  ask.showModal();
  ask.addEventListener(
    "close",
    () => {
      if (ask.returnValue === "yes") yes();
      elt.focus?.();
    },
    { once: true },
  );
}

document.addEventListener("htmx:confirm", (event) => {
  const { question, issueRequest, elt } = event.detail;
  if (!question || !$("#ask")) return;
  event.preventDefault();
  asked(question, elt, () => issueRequest(true));
});

// <button data-confirm="words"> of an ordinary form.
document.addEventListener(
  "submit",
  (event) => {
    const button = event.submitter;
    const question = button?.dataset.confirm;
    if (!question || button.dataset.confirmed || !$("#ask")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    asked(question, button, () => {
      button.dataset.confirmed = "1";
      event.target.requestSubmit(button);
      delete button.dataset.confirmed;
    });
  },
  true,
);

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.getAttribute("aria-busy") === "true") {
    event.preventDefault();
    return;
  }
  form.setAttribute("aria-busy", "true");
  const slow = form.querySelector("[data-slow]"); // says what takes long
  if (slow) slow.hidden = false;
  else setTimeout(() => form.removeAttribute("aria-busy"), 4000); // an answer that is a download leaves the page standing
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
  for (const words of document.querySelectorAll("form [data-slow]")) words.hidden = true;
});

// -- Messages --------------------------------------------------------------------------------

const ICONS = { success: "circle-check", error: "alert-circle", warning: "alert-circle", info: "info-circle" };
const sprite = $("svg.icon use")?.getAttribute("href").split("#")[0] ?? "";

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

function leaveSoon(line) {
  if (line.matches(".error, .warning")) return;
  let timer = 0;
  const start = () => (timer = setTimeout(() => line.remove(), 7000));
  const stop = () => clearTimeout(timer);
  line.addEventListener("pointerenter", stop);
  line.addEventListener("focusin", stop);
  line.addEventListener("pointerleave", start);
  line.addEventListener("focusout", start);
  start();
}

function toast(text, kind = "info") {
  const line = document.createElement("div");
  line.className = `toast-line ${kind}`;
  line.dataset.toast = "";
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn-x";
  close.dataset.dismiss = "";
  close.setAttribute("aria-label", "Dismiss");
  close.append(icon("x"));
  line.append(icon(ICONS[kind] ?? ICONS.info), words, close);
  $("#messages")?.append(line);
  leaveSoon(line);
}

for (const line of document.querySelectorAll("[data-toast]")) leaveSoon(line);
document.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest("[data-toast]")?.remove());
// From other modules and from the HX-Trigger header: {"toast": {"text": "Accepted", "kind": "success"}}.
document.addEventListener("toast", (event) => {
  const { text, value, kind } = event.detail ?? {};
  if (text ?? value) toast(text ?? value, kind);
});

function words(xhr) {
  try {
    const data = JSON.parse(xhr.responseText);
    const found = data.error ?? data.errors ?? data.detail;
    if (found) return [].concat(found).join(" ");
  } catch {
    // not JSON: a short text is shown as it is, a page is not
  }
  const text = xhr.responseText?.trim() ?? "";
  if (text && text.length < 300 && !text.startsWith("<")) return text;
  if (xhr.status === 403) return "You may not do that here; nothing was changed.";
  if (xhr.status === 404) return "That is no longer there. Load the page again.";
  if (xhr.status === 409) return "Somebody changed this meanwhile. Load the page again.";
  return "That did not work, and nothing was changed. Try again.";
}
document.addEventListener("htmx:responseError", (event) => toast(words(event.detail.xhr), "error"));
document.addEventListener("htmx:sendError", () =>
  toast("The server cannot be reached. Nothing was changed; try again in a moment.", "error"),
);
// A whole page where a fragment was expected: the session has ended and this is the sign-in page.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target } = event.detail;
  if (target !== document.body && /^\s*<!doctype/i.test(xhr.responseText)) {
    event.detail.shouldSwap = false;
    window.location.reload();
  }
});

// -- Jobs ------------------------------------------------------------------------------------

/** Whether somebody has typed or chosen something that loading the page again would lose. */
function unsaved() {
  const typed = [...document.querySelectorAll("main textarea, main input:not([type='hidden'], [type='search'], [type='submit'])")].some((field) =>
    ["checkbox", "radio"].includes(field.type) ? field.checked !== field.defaultChecked : field.type === "file" ? field.files.length > 0 : field.value !== field.defaultValue,
  );
  const chosen = [...document.querySelectorAll("main select")].some((field) =>
    [...field.options].some((option) => option.defaultSelected) && [...field.options].some((option) => option.selected !== option.defaultSelected),
  );
  return typed || chosen || Boolean($("dialog[open]")) || Boolean($("td.saving, td.failed, td.conflict"));
}

// A job of this page has ended: the page shows what came of it, at once where nothing is lost by that.
document.addEventListener("job-ended", () => {
  if (!unsaved()) window.location.reload();
  else toast("It is done. Save what you have written, then load the page again to see it everywhere.", "info");
});

// -- Tips ------------------------------------------------------------------------------------

const tip = document.createElement("div");
tip.className = "tip";
tip.id = "tip";
tip.role = "tooltip";
tip.hidden = true;
document.body.append(tip);
let tipped = null;
let leaving = 0;

function showTip(element) {
  clearTimeout(leaving);
  if (!element.dataset.tip || element === tipped) return;
  tipped?.removeAttribute("aria-describedby");
  tipped = element;
  tip.textContent = element.dataset.tip;
  if (!element.hasAttribute("aria-describedby")) element.setAttribute("aria-describedby", "tip");
  tip.hidden = false;
  const at = element.getBoundingClientRect();
  const size = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - size.width / 2), window.innerWidth - size.width - 8);
  const above = at.top - size.height - 6;
  tip.style.left = `${left}px`;
  tip.style.top = `${above > 50 ? above : at.bottom + 6}px`;
}
function hideTip() {
  clearTimeout(leaving);
  if (tipped?.getAttribute("aria-describedby") === "tip") tipped.removeAttribute("aria-describedby");
  tipped = null;
  tip.hidden = true;
}
document.addEventListener("pointerover", (event) => {
  const element = event.target.closest?.("[data-tip]");
  if (element) showTip(element);
  else if (event.target.closest?.(".tip")) clearTimeout(leaving);
  else if (tipped && !tipped.matches(":focus-visible")) {
    clearTimeout(leaving);
    leaving = setTimeout(hideTip, 120);
  }
});
document.addEventListener("focusin", (event) => {
  const element = event.target.closest("[data-tip]");
  if (element?.matches(":focus-visible")) showTip(element);
  else hideTip();
});
document.addEventListener("scroll", hideTip, { capture: true, passive: true });
document.addEventListener("keydown", (event) => event.key === "Escape" && hideTip());

// -- Menus, narrow navigation, side panel -------------------------------------------------------

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const toggle = event.target.closest(".side-toggle");
  if (toggle) toggle.setAttribute("aria-expanded", String(toggle.getAttribute("aria-expanded") !== "true"));
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || $("dialog[open]")) return;
  const menu = event.target.closest?.("details.menu[open]");
  const toggle = $(".side-toggle[aria-expanded='true']");
  if (menu) {
    menu.open = false;
    $("summary", menu).focus();
  } else if (toggle) {
    toggle.setAttribute("aria-expanded", "false");
    toggle.focus();
  } else if (panel && !panel.hidden) closePanel();
});

const panel = $("#panel");
let panelOpener = null;
function closePanel() {
  panel.hidden = true;
  for (const opener of document.querySelectorAll("[data-panel][aria-expanded]")) opener.setAttribute("aria-expanded", "false");
  panelOpener?.focus();
}
if (panel) {
  for (const opener of document.querySelectorAll("[data-panel]")) opener.setAttribute("aria-expanded", "false");
  document.addEventListener("htmx:beforeRequest", (event) => {
    const opener = event.target.closest("[data-panel]");
    if (!opener) return;
    panelOpener = opener;
    $("[data-panel-title]", panel).textContent = opener.dataset.panel;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "panel-body" || !panel.hidden) return;
    panel.hidden = false;
    panelOpener?.setAttribute("aria-expanded", "true");
    $("[data-panel-close]", panel).focus();
  });
  $("[data-panel-close]", panel).addEventListener("click", closePanel);
}

// -- Small things ----------------------------------------------------------------------------

if (/Mac|iPhone|iPad/.test(navigator.platform)) {
  for (const key of document.querySelectorAll("[data-mod]")) key.textContent = "⌘";
}
$("[data-focus]")?.focus();
document.addEventListener("htmx:afterSwap", (event) => $("[data-focus]", event.detail.target)?.focus());

// On paper nothing can be opened: what is folded away on a page is printed with it.
let unfolded = [];
window.addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("main details:not([open], .menu)")];
  for (const one of unfolded) one.open = true;
});
window.addEventListener("afterprint", () => {
  for (const one of unfolded) one.open = false;
  unfolded = [];
});

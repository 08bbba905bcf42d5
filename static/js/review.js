// The reviewer's queue: s signs the workpaper that is shown, when it is the one of the row that j and k came to,
// and says why when it does not.

const on = () => {
  try {
    return localStorage.getItem("single-keys") !== "off";
  } catch {
    return true;
  }
};

const say = (text) => document.dispatchEvent(new CustomEvent("toast", { detail: { text, kind: "info" } }));

document.addEventListener("keydown", (event) => {
  if (event.key !== "s" || event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog") || document.querySelector("dialog[open]") || !on()) return;
  const row = document.querySelector("#review-rows .on");
  const form = document.querySelector("#review-one form[data-sign]");
  const shown = document.querySelector("#review-one [data-test]");
  if (!shown) return;
  event.preventDefault();
  if (row && row.dataset.test !== shown.dataset.test) return say("The workpaper is still loading: look at it, then sign.");
  if (!form) return say(document.querySelector("#review-one [data-unsigned]")?.dataset.unsigned ?? "It cannot be signed here.");
  form.requestSubmit();
});

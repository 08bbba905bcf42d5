// The reviewer's queue: s signs the workpaper that is shown, when it is the one of the row that j and k came to.

const on = () => {
  try {
    return localStorage.getItem("single-keys") !== "off";
  } catch {
    return true;
  }
};

document.addEventListener("keydown", (event) => {
  if (event.key !== "s" || event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog") || document.querySelector("dialog[open]") || !on()) return;
  const row = document.querySelector("#review-rows .on");
  const form = document.querySelector("#review-one form[data-sign]");
  if (!form || (row && row.dataset.test !== form.dataset.sign)) return;
  event.preventDefault();
  form.requestSubmit();
});

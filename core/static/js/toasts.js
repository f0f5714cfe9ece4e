/** Messages leave after eight seconds, unless someone points at them or has the focus there; errors stay. */

/** @param {HTMLElement} toast */
function watch(toast) {
  let left = 8000;
  let since = 0;
  let timer = 0;
  const go = () => {
    since = performance.now();
    timer = setTimeout(() => toast.remove(), left);
  };
  const hold = () => {
    clearTimeout(timer);
    left = Math.max(2500, left - (performance.now() - since));
  };
  if (toast.dataset.kind !== "error") {
    for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, hold);
    for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, go);
    go();
  }
}
for (const toast of document.querySelectorAll(".toast")) watch(toast);

document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("[data-close-toast]")) event.target.closest(".toast").remove();
});

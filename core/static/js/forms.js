/** Forms: nothing typed is lost by leaving, nothing is sent twice, what was refused gets the focus, and things can be copied. */

let sent = new WeakSet();
const dirty = new Set();

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.matches("[data-guard]:not([data-guard=off])")) dirty.add(form);
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.getAttribute("method") === "dialog") return;
  if (form.getAttribute("method") === "post") {
    if (sent.has(form)) return event.preventDefault();
    sent.add(form);
    /* A download leaves the page standing: let it be asked for again. */
    setTimeout(() => { sent.delete(form); event.submitter?.removeAttribute("aria-busy"); }, 4000);
    event.submitter?.setAttribute("aria-busy", "true");
  }
  dirty.delete(form);
});
addEventListener("beforeunload", (event) => {
  for (const form of dirty) if (form.isConnected) event.preventDefault();
});
/* A page that comes back from the browser's memory may be sent again. */
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  sent = new WeakSet();
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});

document.querySelector("[data-focus]")?.focus();

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent);
  const label = button.lastChild;
  const before = label.textContent;
  label.textContent = button.dataset.copied;
  setTimeout(() => { label.textContent = before; }, 2000);
});

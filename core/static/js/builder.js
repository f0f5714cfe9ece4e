/**
 * Conditions of a view: [data-builder] sends itself while it is built, and shows what comes back: the whole of its
 * conditions after a button or [data-rebuild], else only how many contacts fit. Saving and showing follow their buttons.
 * [data-order]: a list whose lines [data-move="up"|"down"] moves. [data-narrow="ID"] hides what does not hold its words.
 */
import { announce } from "./live.js";

/** @type {AbortController | null} */
let running = null;
let timer = 0;

/** @param {HTMLFormElement} form @param {boolean} whole @param {string} step */
async function build(form, whole, step = "refresh") {
  const sent = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") sent.append(name, value);
  sent.set("do", step);
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  clearTimeout(timer);
  try {
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: sent, headers: { "X-Fragment": "builder" }, signal });
    if (!answer.ok || answer.redirected) return location.reload();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (signal.aborted) return;
    const focused = document.activeElement?.id;
    const open = [...form.querySelectorAll("details[open]")].map((e) => e.id);
    const parts = ["[data-builder-result]", ...(whole ? ["[data-builder-body]"] : [])];
    for (const part of parts) form.querySelector(part)?.replaceChildren(...(page.querySelector(part)?.childNodes ?? []));
    if (whole) {
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      focus(form, step, focused);
    }
    announce(form.querySelector(".builder-count")?.textContent ?? undefined);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

/** @param {HTMLFormElement} form @param {string} step @param {string | undefined} before */
function focus(form, step, before) {
  const wanted = form.querySelector("[data-focus-on]")?.dataset.focusOn;
  const target = step === "refresh" ? before : step.startsWith("remove:") ? `${wanted}-add` : `${wanted}-filter`;
  const place = target && document.getElementById(target);
  place?.focus();
  if (place instanceof HTMLInputElement && place.type === "search") place.setSelectionRange(place.value.length, place.value.length);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const step = event.submitter?.value;
  if (!form.matches("[data-builder]") || ["save", "show"].includes(step)) return;
  event.preventDefault();
  build(form, true, step || "refresh");
});
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (!form?.matches("[data-builder]")) return;
  if (event.target.matches("[data-rebuild]")) build(form, true);
  else {
    const picker = event.target.closest(".picker");
    if (picker) {
      const chosen = [...picker.querySelectorAll("input:checked")].map((e) => e.nextElementSibling.textContent);
      if (chosen.length) picker.querySelector("summary").textContent = chosen.join(", ");
    }
    build(form, false);
  }
});
document.addEventListener("input", (event) => {
  const input = event.target;
  if (input.matches("[data-narrow]")) return narrow(input);
  const form = input.form;
  if (!form?.matches("[data-builder]") || !input.matches("input:not([type=checkbox])") || input.name === "name") return;
  clearTimeout(timer);
  timer = setTimeout(build, 350, form, input.matches("[data-rebuild-later]"));
});

/** @param {HTMLInputElement} input */
function narrow(input) {
  const words = input.value.toLocaleLowerCase().trim();
  for (const line of document.querySelectorAll(`#${CSS.escape(input.dataset.narrow)} :is(li, .choice)`)) {
    line.hidden = !line.textContent.toLocaleLowerCase().includes(words);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-order] [data-move]");
  if (!button) return;
  event.preventDefault();
  const line = button.closest("[data-order-item]");
  const other = button.dataset.move === "up" ? line.previousElementSibling : line.nextElementSibling;
  /* The first line is fixed: it has no buttons. */
  if (!other?.querySelector("[data-move]")) return;
  if (button.dataset.move === "up") other.before(line);
  else other.after(line);
  button.focus();
  const lines = [...line.parentElement.children];
  announce(`${line.querySelector("label").textContent.trim()}: ${lines.indexOf(line) + 1} / ${lines.length}`);
});

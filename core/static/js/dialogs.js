/**
 * A link with data-dialog="ID" opens that <dialog>; with an empty data-dialog the page behind it is fetched, and its
 * [data-fragment="dialog"] shown. When anything is unusual, the link is simply followed. A submit button with data-ask does
 * the same with the page that its form leads to: it asks something and changes nothing yet.
 */

document.addEventListener("click", async (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const target = event.target instanceof Element ? event.target : null;
  const closer = target?.closest("dialog [data-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog").close();
    return;
  }
  if (target instanceof HTMLDialogElement && target.open && outside(target, event)) return target.close();
  const help = target?.closest("[data-help]");
  const link = target?.closest("[data-dialog]") ?? within(target);
  if (help) return show(document.getElementById("shortcuts"));
  if (!link) return;
  const ready = document.getElementById(link.dataset.dialog);
  event.preventDefault();
  if (ready) return show(ready);
  const dialog = await load(link.href).catch(() => null);
  if (!dialog) return location.assign(link.href);
  link.closest("dialog[data-source]")?.close();
  show(dialog);
});

/**
 * A link of a fetched dialog to the very page it came from, such as its next entries: it stays in the dialog.
 * @param {Element | null} target
 */
function within(target) {
  const link = target?.closest("dialog[data-source] a[href]");
  return link?.origin === location.origin && link.pathname === link.closest("dialog").dataset.source ? link : null;
}

/** Forms whose answer was no dialog: they are sent as they are. */
const plain = new WeakSet();
document.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || !submitter?.matches("[data-ask]") || plain.has(form)) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, submitter));
  const dialog = await load(form.getAttribute("action"), { method: "POST", body }).catch(() => null);
  if (dialog) {
    form.closest("dialog[data-source]")?.close();
    return show(dialog);
  }
  plain.add(form);
  form.requestSubmit(submitter);
});

/** @param {HTMLDialogElement} dialog @param {MouseEvent} event */
function outside(dialog, { clientX: x, clientY: y }) {
  const box = dialog.getBoundingClientRect();
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}

/** @param {HTMLDialogElement | null} dialog */
export function show(dialog) {
  for (const menu of document.querySelectorAll(".menu:popover-open")) menu.hidePopover();
  if (!dialog || dialog.open) return;
  dialog.showModal();
  (dialog.querySelector("[autofocus]") ?? dialog.querySelector(".dialog-body :is(input:not([type=hidden], [readonly]), select, textarea)"))?.focus();
}

/** @param {string} href @param {RequestInit} [options] @returns {Promise<HTMLDialogElement | null>} */
async function load(href, options) {
  const answer = await fetch(href, { ...options, headers: { "X-Fragment": "dialog" } });
  if (!answer.ok) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const part = page.querySelector('[data-fragment="dialog"]');
  if (!part) return null;
  const dialog = document.createElement("dialog");
  dialog.className = "dialog dialog-wide";
  dialog.dataset.source = new URL(answer.url).pathname;
  dialog.setAttribute("aria-label", part.dataset.title ?? page.title);
  const head = document.getElementById("shortcuts")?.querySelector(".dialog-head").cloneNode(true);
  if (head) {
    head.querySelector("h2").textContent = part.dataset.title ?? page.title;
    head.querySelector("h2").removeAttribute("id");
    dialog.append(head);
  }
  const body = document.createElement("div");
  body.className = "dialog-body";
  body.append(...(part.querySelector(":scope > .card-body") ?? part).childNodes);
  for (const form of body.querySelectorAll("form:not([action])")) form.setAttribute("action", answer.url);
  dialog.append(body);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  return dialog;
}

/* The search for everything: a dialog on every page but its own, where the field is at hand. */
const jump = document.querySelector("[data-jump-box]");
export function openJump() {
  if (!jump) return false;
  if (jump instanceof HTMLDialogElement) show(jump);
  const field = jump.querySelector("input");
  field.focus();
  field.select();
  if (!jump.querySelector(".jump-results *")) field.form.requestSubmit();
  return true;
}
document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("[data-jump]") && openJump()) event.preventDefault();
});
const typed = () => jump.querySelector("input").value.normalize("NFC").split(/\s+/).filter(Boolean).join(" ");
const first = () => jump.querySelector(".jump-results a");
/* Enter may be faster than the answer to what was typed last: then the answer is waited for. */
let going = false;
jump?.addEventListener("keydown", (event) => {
  const field = jump.querySelector("input");
  const stops = [field, ...jump.querySelectorAll(".jump-results a")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  going = false;
  if (event.key === "Escape" && jump instanceof HTMLDialogElement) {
    /* Else the first Escape would only empty the field. */
    event.preventDefault();
    jump.close();
  } else if (event.key === "Enter" && event.target === field && typed()) {
    event.preventDefault();
    going = jump.querySelector("[data-found-for]")?.dataset.foundFor !== typed();
    if (going) field.form.requestSubmit();
    else first()?.click();
  } else if (step) {
    event.preventDefault();
    stops[(Math.max(0, stops.indexOf(document.activeElement)) + step + stops.length) % stops.length].focus();
  }
});
if (jump) {
  new MutationObserver(() => {
    if (going && jump.querySelector("[data-found-for]")?.dataset.foundFor === typed()) first()?.click();
  }).observe(jump.querySelector(".jump-results"), { childList: true });
}

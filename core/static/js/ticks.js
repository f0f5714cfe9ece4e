/**
 * Ticking rows: one, a range with shift, the page, all that match; the number chosen is always shown. When a search changes the
 * list, rows that stay keep their ticks; what is no longer to be seen is no longer chosen.
 */

let last = null;
/** @type {Map<string, Set<string>>} form and the values ticked in it */
const ticked = new Map();
/** A form with fields named id answers form.id with those. @param {Element} form */
const idOf = (form) => form.getAttribute("id");

/** @param {string} form id of the bulk form @returns {HTMLInputElement[]} */
const ticksOf = (form) => [...document.querySelectorAll(`[data-tick][form="${form}"]`)];

/** Writes number and state into the bulk bar. @param {string} form */
function count(form) {
  const bar = document.getElementById(form);
  if (!bar) return;
  const ticks = ticksOf(form);
  ticked.set(form, new Set(ticks.filter((t) => t.checked).map((t) => t.value)));
  const n = ticks.filter((t) => t.checked).length;
  const all = document.querySelector(`[data-ticks="${form}"] [data-tick-all]`);
  const everything = bar.querySelector("[data-bulk-all]");
  const full = n > 0 && n === ticks.length;
  if (everything && !full) everything.checked = false;
  if (all) {
    all.checked = full;
    all.indeterminate = n > 0 && !full;
  }
  bar.toggleAttribute("data-full", full);
  if (n) bar.dataset.count = n;
  else delete bar.dataset.count;
  const text = bar.querySelector("[data-bulk-text]");
  const { one, other, all: whole } = text.dataset;
  text.textContent = everything?.checked ? whole : n ? (n === 1 ? one : other).replace("{n}", n.toLocaleString(document.documentElement.lang)) : "";
}

document.addEventListener("click", (event) => {
  const tick = event.target;
  if (!(tick instanceof HTMLInputElement) || !tick.matches("[data-tick]")) return;
  const form = tick.getAttribute("form");
  const ticks = ticksOf(form);
  if (event.shiftKey && last && last !== tick && ticks.includes(last)) {
    const [from, to] = [ticks.indexOf(last), ticks.indexOf(tick)].sort((a, b) => a - b);
    for (const t of ticks.slice(from, to + 1)) t.checked = tick.checked;
  }
  last = tick;
  count(form);
});
/* Shift and click would mark text between the two ticks. */
document.addEventListener("mousedown", (event) => {
  if (event.shiftKey && event.target instanceof Element && event.target.closest(".tick")) event.preventDefault();
});

document.addEventListener("change", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement)) return;
  if (box.matches("[data-tick-all]")) {
    const form = box.closest("[data-ticks]").dataset.ticks;
    for (const t of ticksOf(form)) t.checked = box.checked;
    count(form);
  } else if (box.matches("[data-bulk-all]")) count(idOf(box.form));
});

document.addEventListener("click", (event) => {
  const form = event.target instanceof Element ? event.target.closest("[data-bulk-clear]")?.form : null;
  if (!form) return;
  for (const t of ticksOf(idOf(form))) t.checked = false;
  count(idOf(form));
});

function countAll() {
  for (const bar of document.querySelectorAll("[data-bulk]")) count(idOf(bar));
}
countAll();
addEventListener("pageshow", countAll);
document.addEventListener("tresen:swap", () => {
  for (const [form, values] of ticked) for (const t of ticksOf(form)) t.checked = values.has(t.value);
  last = null;
  countAll();
});

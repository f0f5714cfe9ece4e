/**
 * Back to the same place of a list: whoever leaves it by a row's menu, by a dialog over it or by the bar below, and comes back to
 * the same address, finds it scrolled as it was, with the focus in the same row.
 */

const KEY = "place";
const here = () => location.pathname + location.search;
const body = () => document.querySelector("#contacts")?.closest(".table-wrap");

function keep() {
  const wrap = body();
  if (!wrap) return;
  const row = document.querySelector("[data-row-menu]:popover-open")?.dataset.row ?? document.activeElement?.closest("tr")?.dataset.row ?? current;
  const place = { at: here(), page: scrollY, wrap: wrap.scrollTop, row, time: Date.now() };
  try { sessionStorage.setItem(KEY, JSON.stringify(place)); } catch { /* private window */ }
}

/** The row that was worked in last: in a dialog the focus is no longer there. @type {string | undefined} */
let current;
document.addEventListener("focusin", ({ target }) => { current = target.closest("tr")?.dataset.row ?? current; });
document.addEventListener("click", ({ target }) => {
  const menu = target instanceof Element && target.closest("[data-row-menu]");
  if (menu) {
    current = menu.dataset.row;
    keep();
  }
}, true);
document.addEventListener("submit", ({ target }) => {
  if (target.matches("[data-bulk], [data-row-menu] form, dialog form")) keep();
});

const wrap = body();
if (wrap) {
  let place = null;
  try {
    place = JSON.parse(sessionStorage.getItem(KEY));
    sessionStorage.removeItem(KEY);
  } catch { /* private window */ }
  if (place?.at === here() && Date.now() - place.time < 3_600_000) {
    scrollTo(0, place.page);
    wrap.scrollTop = place.wrap;
    if (place.row) document.querySelector(`tr[data-row="${CSS.escape(place.row)}"] [data-row-link]`)?.focus({ preventScroll: true });
  }
}

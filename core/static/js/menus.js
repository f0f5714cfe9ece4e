/**
 * Menus are popovers and open by themselves. Added here: arrows, Home, End, first letters, a place where CSS knows no anchors,
 * the one menu that all rows of a list share (data-row-menu): it is filled for the row whose button opens it; and menus that are read
 * when they are opened (data-menu): without scripts such a submit button leads to a page with the same, whose [data-fragment="menu"] it is.
 */

const anchored = CSS.supports("position-area", "block-end");
/** @param {Element} menu */
const stops = (menu) => [...menu.querySelectorAll("a, button:not(:disabled), input, select")];

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!(menu instanceof HTMLElement) || !menu.matches(".menu")) return;
  if (event.newState !== "open") return;
  if (!anchored) place(menu);
  if (!menu.contains(document.activeElement)) stops(menu)[0]?.focus({ preventScroll: true });
}, true);

/** @type {WeakMap<Element, Element>} a shared menu and the button that opened it last */
const openers = new WeakMap();

/** @param {HTMLElement} menu */
function place(menu) {
  const opener = openers.get(menu) ?? document.querySelector(`[popovertarget="${menu.id}"]`);
  const at = opener?.getBoundingClientRect();
  if (!at) return;
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + height < innerHeight - 8;
  menu.style.margin = "0";
  menu.style.inset = `${below ? at.bottom + 4 : Math.max(8, at.top - height - 4)}px auto auto ${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
}

/**
 * The menu of a row, its addresses those of the row's contact.
 * @param {Element} row @returns {HTMLElement | null}
 */
export function rowMenu(row) {
  const button = row.querySelector("[data-row-actions]");
  const menu = button && document.getElementById(`row-menu-${button.dataset.rowActions}`);
  if (!menu) return null;
  if (menu.dataset.row !== row.dataset.row && menu.matches(":popover-open")) menu.hidePopover();
  menu.dataset.row = row.dataset.row;
  openers.set(menu, button);
  for (const part of menu.querySelectorAll("[href], [action]")) {
    const name = part.hasAttribute("href") ? "href" : "action";
    part.dataset.address ??= part.getAttribute(name);
    part.setAttribute(name, part.dataset.address.replaceAll("{id}", row.dataset.row));
  }
  return menu;
}

/* Without scripts these buttons lead to a page with the same actions. */
function upgrade() {
  for (const button of document.querySelectorAll("[data-row-actions][formaction]")) {
    button.type = "button";
    button.removeAttribute("formaction");
    button.setAttribute("popovertarget", `row-menu-${button.dataset.rowActions}`);
  }
}
upgrade();
document.addEventListener("tresen:swap", upgrade);
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-row-actions]");
  if (button) rowMenu(button.closest("tr"));
}, true);

let loaded = 0;
document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest("button[data-menu]");
  if (!button || button.hasAttribute("popovertarget") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (button.hasAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  const part = await readMenu(button).catch(() => null);
  button.removeAttribute("aria-busy");
  if (!part) return button.form.requestSubmit(button);
  const around = button.closest(".menu");
  if (around) {
    /* One menu leads to another: it takes the place, until this one is opened again. */
    const first = [...around.childNodes];
    around.replaceChildren(part);
    around.addEventListener("toggle", () => around.replaceChildren(...first), { once: true });
    stops(around)[0]?.focus();
    return;
  }
  const menu = document.createElement("div");
  menu.className = "menu menu-start";
  menu.id = `menu-${++loaded}`;
  menu.popover = "auto";
  menu.append(part);
  (button.form.contains(button) ? button.form : button).after(menu);
  button.type = "button";
  button.setAttribute("popovertarget", menu.id);
  button.click();
});

/** @param {HTMLButtonElement} button @returns {Promise<Element | null>} */
async function readMenu(button) {
  const url = new URL(button.getAttribute("formaction") ?? button.form.getAttribute("action"), location.href);
  url.search = new URLSearchParams(new FormData(button.form, button));
  const answer = await fetch(url, { headers: { "X-Fragment": "menu" } });
  if (!answer.ok) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector('[data-fragment="menu"]');
}

/**
 * The open menu that a key is for: the one it was pressed in, or whose button has the focus. That one gets the focus a moment
 * after it opened, and who types on at once is faster.
 * @param {Element} target
 */
const menuOf = (target) => target.closest(".menu:popover-open")
  ?? document.querySelector(`.menu:popover-open[id="${CSS.escape(target.getAttribute("popovertarget") ?? "")}"]`);

document.addEventListener("keydown", (event) => {
  const menu = event.target instanceof Element && menuOf(event.target);
  if (!menu || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input:not([type=checkbox], [type=radio]), textarea, select");
  const all = stops(menu);
  const at = all.indexOf(event.target);
  const moves = { ArrowDown: at + 1, ArrowUp: (at < 0 ? all.length : at) - 1, Home: 0, End: all.length - 1 };
  let next;
  if (event.key in moves && !typing) next = all[(moves[event.key] + all.length) % all.length];
  else if (/^\p{L}$/u.test(event.key) && !typing) {
    const letter = event.key.toLowerCase();
    next = [...all.slice(at + 1), ...all.slice(0, at + 1)].find((e) => e.textContent.trim().toLowerCase().startsWith(letter));
  }
  if (!next) return;
  event.preventDefault();
  event.stopPropagation();
  next.focus();
});

/* The side menu is a popover on a phone only: never leave it open when the window grows. */
matchMedia("(width > 56rem)").addEventListener("change", () => {
  const side = document.getElementById("side");
  if (side?.matches(":popover-open")) side.hidePopover();
});

/** Menus are popovers and open by themselves. Added here: arrows, Home, End, first letters, and a place where CSS knows no anchors. */

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

/** @param {HTMLElement} menu */
function place(menu) {
  const at = document.querySelector(`[popovertarget="${menu.id}"]`)?.getBoundingClientRect();
  if (!at) return;
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + height < innerHeight - 8;
  menu.style.margin = "0";
  menu.style.inset = `${below ? at.bottom + 4 : Math.max(8, at.top - height - 4)}px auto auto ${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
}

document.addEventListener("keydown", (event) => {
  const menu = event.target instanceof Element && event.target.closest(".menu:popover-open");
  if (!menu || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input:not([type=checkbox], [type=radio]), textarea, select");
  const all = stops(menu);
  const at = all.indexOf(event.target);
  const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
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

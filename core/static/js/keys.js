/**
 * Keys: anything with data-shortcut is clicked (a field: focused) by its keys. In a list j and k move, x ticks, with shift
 * as far as the last tick, Enter opens; the shortcuts of the current row's menu come first. Single keys can be switched off in the help (WCAG 2.1.4).
 */
import { openJump, show } from "./dialogs.js";
import { rowMenu } from "./menus.js";

const help = document.getElementById("shortcuts");
const box = help?.querySelector("[data-keys-on]");
const stored = () => { try { return localStorage.getItem("keys") !== "off"; } catch { return true; } };
if (box) {
  box.checked = stored();
  box.addEventListener("change", () => { try { localStorage.setItem("keys", box.checked ? "on" : "off"); } catch { /* private window */ } });
}

let prefix = "";
let forget = 0;

const row = () => document.activeElement?.closest("tr, [data-row]");
/** @param {number} step */
function move(step) {
  const links = [...document.querySelectorAll("tbody [data-row-link], [data-row] [data-row-link]")];
  const here = row()?.querySelector("[data-row-link]");
  const at = links.indexOf(here);
  const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, at + step))];
  next?.focus({ preventScroll: true });
  next?.closest("tr, [data-row]").scrollIntoView({ block: "nearest" });
}

/** @param {string} keys @returns {boolean} whether something answered */
function press(keys) {
  const selector = `[data-shortcut="${CSS.escape(keys)}"]`;
  const here = row();
  const target = here?.querySelector(selector) ?? (here && rowMenu(here)?.querySelector(selector))
    ?? [...document.querySelectorAll(selector)].find((e) => !e.closest("tbody, [data-row], [data-row-menu]"));
  if (!target) return false;
  if (target.matches("input, textarea, select")) {
    target.focus();
    target.select?.();
  } else target.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && key.toLowerCase() === "k") {
    if (openJump()) event.preventDefault();
    return;
  }
  const typing = target instanceof Element && (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])"));
  if (key === "Escape" && target instanceof HTMLElement && target.matches("[data-live-input]") && !target.value) return target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || (box && !box.checked)) return;
  if (document.querySelector("dialog[open], .menu:popover-open")) return;
  const keys = prefix ? `${prefix} ${key}` : key;
  prefix = "";
  clearTimeout(forget);
  let done = true;
  if (key === "?" && help) show(help);
  else if (keys === "j") move(1);
  else if (keys === "k") move(-1);
  else if (/^[xX]$/.test(keys) && row()?.querySelector("[data-tick]")) {
    const click = new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey: event.shiftKey });
    row().querySelector("[data-tick]").dispatchEvent(click);
  }
  else if (press(keys)) { /* done */ }
  else if (document.querySelector(`[data-shortcut^="${CSS.escape(key)} "]`)) {
    prefix = key;
    forget = setTimeout(() => { prefix = ""; }, 1200);
  } else done = false;
  if (done) event.preventDefault();
});

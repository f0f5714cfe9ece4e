/**
 * Search as you type: a GET form with data-live-form="NAME" fetches its own address with "X-Fragment: NAME" and swaps the
 * elements data-live="NAME" (default "results"), first by first, or the one there is by the whole answer. The field itself
 * stands outside of them; tabs, filters and table inside, so that their links and numbers follow. "tresen:swap" is told then.
 * Progress: an element with data-poll is asked for anew every two seconds until it comes without data-poll.
 */
/** @type {AbortController | null} */
let running = null;
let timer = 0;

/** @param {HTMLFormElement} form */
async function search(form) {
  const name = form.dataset.liveForm || "results";
  const places = document.querySelectorAll(`[data-live="${name}"]`);
  const place = places[0];
  const input = form.querySelector("[data-live-input]");
  if (!place) return;
  const url = new URL(form.getAttribute("action") ?? "", location.href);
  url.search = new URLSearchParams([...new FormData(form)].filter(([, v]) => typeof v === "string" && v !== ""));
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  input?.parentElement.toggleAttribute("data-busy", true);
  try {
    const answer = await fetch(url, { headers: { "X-Fragment": name }, signal });
    if (!answer.ok || answer.redirected) return location.assign(url);
    const text = await answer.text();
    if (signal.aborted) return;
    const page = new DOMParser().parseFromString(text, "text/html");
    const parts = page.querySelectorAll(`[data-live="${name}"]`);
    if (parts.length) places.forEach((old, i) => parts[i] && old.replaceChildren(...parts[i].childNodes));
    else place.replaceChildren(...page.body.childNodes);
    if (name !== "jump") history.replaceState(history.state, "", url);
    document.dispatchEvent(new CustomEvent("tresen:swap"));
    announce([...places].map((e) => e.querySelector("[data-live-status], .pages > span, .empty h2")?.textContent).find(Boolean));
  } catch (error) {
    if (error.name !== "AbortError") location.assign(url);
  } finally {
    if (!signal.aborted) input?.parentElement.toggleAttribute("data-busy", false);
  }
}

/** @param {string | undefined} text said to screen readers */
export function announce(text) {
  const region = document.querySelector("[data-announce]");
  if (region && text) region.textContent = text.trim();
}

document.addEventListener("input", (event) => {
  const form = event.target instanceof Element && event.target.matches("[data-live-input]") && event.target.form;
  if (!form || !form.matches("[data-live-form]") || event.isComposing) return;
  clearTimeout(timer);
  timer = setTimeout(search, 180, form);
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-live-form]")) return;
  event.preventDefault();
  clearTimeout(timer);
  search(event.target);
});

async function poll() {
  for (const old of document.querySelectorAll("[data-poll]")) {
    try {
      const answer = await fetch(old.dataset.poll, { headers: { "X-Fragment": "progress" } });
      if (!answer.ok) continue;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = page.querySelector('[data-fragment="progress"]');
      if (!now?.hasAttribute("data-poll")) return location.reload();
      const [bar, news] = [old, now].map((e) => e.querySelector("progress"));
      bar.max = news.max;
      if (news.hasAttribute("value")) bar.value = news.value;
      for (const part of ["label", "[role=status]"]) {
        const [text, said] = [old, now].map((e) => e.querySelector(part));
        if (text && said) text.textContent = said.textContent;
      }
    } catch { /* the network is away: ask again in two seconds */ }
  }
  setTimeout(poll, 2000);
}
if (document.querySelector("[data-poll]")) setTimeout(poll, 2000);

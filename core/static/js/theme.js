/** Light, dark or as the system: applied at once; the server keeps it in a cookie, so that the next page comes right. */

const form = document.querySelector("[data-theme-form]");

/** @param {string} theme "light", "dark" or "system" */
export function setTheme(theme) {
  const root = document.documentElement;
  const kept = theme !== "system";
  if (kept) root.dataset.theme = theme;
  else delete root.dataset.theme;
  document.querySelector('meta[name="color-scheme"]')?.setAttribute("content", kept ? theme : "light dark");
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === theme));
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const theme = event.submitter.value;
  setTheme(theme);
  // keepalive: the choice is kept even when the next page is opened at once. The answer is a redirect nobody needs.
  fetch(form.action, { method: "POST", body: new URLSearchParams({ theme }), redirect: "manual", keepalive: true });
});

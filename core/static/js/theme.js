/** Light, dark or as the system: applied at once, kept in a cookie so that the next page comes right from the server. */

const form = document.querySelector("[data-theme-form]");

/** @param {string} theme "light", "dark" or "system" */
export function setTheme(theme) {
  const root = document.documentElement;
  const kept = theme !== "system";
  if (kept) root.dataset.theme = theme;
  else delete root.dataset.theme;
  document.querySelector('meta[name="color-scheme"]')?.setAttribute("content", kept ? theme : "light dark");
  document.cookie = `theme=${kept ? theme : ""};path=/;max-age=${kept ? 31536000 : 0};samesite=lax`;
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === theme));
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  setTheme(event.submitter.value);
});

// Small comforts; every page works without them.
"use strict";

const TIMES = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/* Times in the reader's zone; the exact UTC stays in the title. */
function localise(root) {
  for (const element of root.querySelectorAll("time[datetime]:not([data-local])")) {
    element.dataset.local = "";
    element.textContent = TIMES.format(new Date(element.dateTime));
  }
}

/* The theme is the system's, which Tabler knows only by an attribute. */
const dark = matchMedia("(prefers-color-scheme: dark)");
function follow() { document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light"; }
follow();
dark.addEventListener("change", follow);

document.addEventListener("DOMContentLoaded", () => localise(document));
/* A list that refreshes itself waits while something in it is chosen. */
document.addEventListener("htmx:before:request", (event) => {
  if (event.target.id === "found" && event.target.querySelector("td :checked")) event.preventDefault();
});
document.addEventListener("htmx:after:swap", () => localise(document));
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = before; }, 1500);
});

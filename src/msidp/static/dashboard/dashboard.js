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

/* Spans of time are typed in the reader's zone, and stand as UTC in the address. */
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
function localiseSpans() {
  for (const label of document.querySelectorAll("[data-zone]")) label.title = ZONE;
  for (const input of document.querySelectorAll("input[data-utc]")) {
    const moment = new Date(input.dataset.utc);
    input.value = new Date(moment - moment.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  }
}
document.addEventListener("formdata", (event) => {
  if (event.target.method !== "get") return;
  for (const [name, value] of [...event.formData]) {
    if (value === "") event.formData.delete(name);
    else if (event.target.elements[name].type === "datetime-local") {
      event.formData.set(name, new Date(value).toISOString());
    }
  }
});

document.addEventListener("DOMContentLoaded", () => { localise(document); localiseSpans(); });
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

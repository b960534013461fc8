// What a page shows: to whom its parts are, who is logged in, what is being done and how it went.

const FIELDS = "input[data-ms-member], select[data-ms-member], textarea[data-ms-member]";
const OWN = new Set(["email", "password", "current-password", "new-password", "token"]); // no custom fields
const isChoice = (element) => element.type === "checkbox" || element.type === "radio";
const formOf = (element) => (element.form ?? element).closest("[data-ms-form]");
const fieldsOf = (form) => [...document.querySelectorAll(FIELDS)].filter((field) => formOf(field) === form && !field.matches(":disabled"));

/** What the fields of a form hold, by their data-ms-member; what is no credential is a custom field. */
function valuesOf(form) {
  const values = { customFields: {} };
  for (const field of fieldsOf(form)) {
    const name = field.dataset.msMember;
    if (field.type === "radio" && !field.checked) continue;
    const value = field.type === "checkbox" ? field.checked : field.value;
    if (!OWN.has(name)) values.customFields[name] = value;
    else if (value !== "") values[name] = name === "token" ? value.trim() : value;
  }
  return values;
}

function showLoader(shown) {
  for (const loader of document.querySelectorAll("[data-ms-loader]")) loader.style.display = shown ? "block" : "none";
}

function hideMessages() {
  for (const box of document.querySelectorAll("[data-ms-message]")) box.style.display = "none";
}

/** Say it in a box of the page (data-ms-message): of this form, else one of no form; or in one of ours. */
function say(element, words, kind) {
  const selector = `[data-ms-message="${kind}"]`;
  const near = (formOf(element) ?? element).querySelectorAll(selector);
  const common = [...document.querySelectorAll(selector)].filter((box) => !formOf(box));
  const box = [...near, ...common].find((each) => !each.closest("[data-ms-content][hidden]")) ?? ownBox(kind);
  (box.querySelector("[data-ms-message-text]") ?? box).textContent = words;
  box.setAttribute("role", kind === "error" ? "alert" : "status");
  box.style.display = "block";
}

function ownBox(kind) {
  const box = document.createElement("div");
  box.dataset.msMessage = kind;
  Object.assign(box.style, {
    position: "fixed", insetInlineEnd: "1rem", insetBlockEnd: "1rem", maxWidth: "min(24rem, calc(100vw - 2rem))", padding: ".8rem 1rem",
    borderRadius: "8px", font: "16px/1.5 system-ui, sans-serif", color: "#fff", background: kind === "error" ? "#8c1d18" : "#14532d", zIndex: 2147483647,
  });
  document.body.append(box);
  return box;
}

/** Tell whoever makes the page, in the console, of a value that means nothing. */
function unknown(element, attribute, known) {
  console.error(`${attribute}="${element.getAttribute(attribute)}" is none of ${Object.keys(known).join(", ")}`, element);
}

/** `data-ms-content`: whom each part of the page is for. */
const AUDIENCES = {
  members: () => true,
  verified: (member) => member.verified,
  "paid-plans": (member) => plansIn(member).some((each) => each.type !== "FREE"),
  "free-plans": (member) => plansIn(member).some((each) => each.type === "FREE"),
  "no-plans": (member) => plansIn(member).length === 0,
};
const plansIn = (member) => member.planConnections.filter((each) => each.active);

/** Any other word is a group: a permission of the member, or a plan's id. */
function belongs(member, group) {
  if (!member) return false;
  const among = AUDIENCES[group] ?? (() => member.permissions.includes(group) || plansIn(member).some((each) => each.planId === group));
  return among(member);
}

let shownTo; // the id of whom the page was last shown to

/** Show this member what is for them, and themselves where the page asks for it. */
function show(member) {
  if (shownTo !== member?.id) edited = new WeakSet();
  shownTo = member?.id;
  for (const part of document.querySelectorAll("[data-ms-content]")) {
    const asked = part.dataset.msContent;
    reveal(part, asked.startsWith("!") ? !belongs(member, asked.slice(1)) : belongs(member, asked));
  }
  for (const place of document.querySelectorAll("[data-ms-member]")) fill(place, member);
}

const displays = new WeakMap(); // what a part's own style says, for when it is shown again

function reveal(part, shown) {
  if (!displays.has(part)) displays.set(part, part.style.display.replace(/^none$/, ""));
  part.hidden = !shown;
  part.style.setProperty("display", shown ? displays.get(part) : "none", shown ? "" : "important");
}

let edited = new WeakSet(); // fields that somebody has typed into: what they typed stays
const filled = new WeakSet(); // fields that hold what is a member's
document.addEventListener("input", ({ target }) => edited.add(target));

function fill(place, member) {
  const name = place.dataset.msMember;
  const value = name === "email" ? member?.auth.email : member?.customFields[name];
  if (!place.matches(FIELDS)) {
    place.textContent = value ?? "";
    return;
  }
  const isOfMember = ["profile", "email"].includes(formOf(place)?.dataset.msForm) && (name === "email" || !OWN.has(name));
  if (!isOfMember || edited.has(place) || !(member || filled.has(place))) return;
  if (member) filled.add(place);
  else filled.delete(place);
  if (isChoice(place)) place.checked = place.type === "radio" ? place.value === String(value) : Boolean(value);
  else place.value = value ?? "";
}

/** At once by what this browser remembers, then by what the server says. */
async function refresh() {
  show(remembered());
  try {
    show(await currentMember());
  } catch (error) {
    if (!(error instanceof Refused)) throw error; // what is remembered stays
  }
}

function remembered() {
  try {
    return storage.read(TOKEN) ? JSON.parse(storage.read(MEMBER)) : null;
  } catch {
    return null;
  }
}

// Membership for a page without a line of script: attributes say what its forms, buttons and parts are for.
// <script src="https://id.example.com/memberstack.js" defer></script>, and then data-ms-form, data-ms-content, …

const SAVED = "Saved.";
const MAILED = "If this address has an account, an email is on its way to it.";

/** `data-ms-form`: what each kind of form does with its values, and what it says when that is done. */
const FORMS = {
  login: ({ email, password }) => enter("/auth/login", { email, password }),
  signup: ({ email, password, customFields }, form) =>
    enter("/auth/signup", { email, password, customFields, plans: plansOf(form) }),
  "passwordless-login": (values, form) => enterByCode("login", values, form),
  "passwordless-signup": (values, form) => enterByCode("signup", values, form),
  "forgot-password": async ({ email }) => {
    await call("POST", "/auth/send-reset-password-email", { email });
    return { told: MAILED };
  },
  "reset-password": async ({ token, password }) => {
    await call("POST", "/auth/reset-password", { token, newPassword: password });
    return { told: "Your password is changed. You can log in with it now." };
  },
  profile: ({ customFields }) => save("/member", { customFields }),
  email: ({ email }) => save("/member-auth", { email }),
  password: ({ "current-password": oldPassword, password, "new-password": fresh }) =>
    oldPassword
      ? save("/member-auth", { oldPassword, newPassword: fresh ?? password })
      : save("/member/set-password", { password: fresh ?? password }),
};

const ACTIONS = {
  logout: async () => ({ redirect: (await logOut()).redirect, moves: true }),
  "login-redirect": async (element) => {
    if (!storage.read(TOKEN)) return openFor(element, "login");
    const member = await currentMember();
    return { redirect: member?.loginRedirect, moves: Boolean(member?.loginRedirect) };
  },
  "resend-verification-email": async () => {
    await call("POST", "/auth/send-email-verification", {});
    return { told: "The email is on its way." };
  },
  "delete-member": async () => {
    if (!confirm("Delete your account, and all that belongs to it, for good?")) return {};
    await call("DELETE", "/member");
    forget();
    return { moves: true };
  },
};

async function enter(path, body) {
  const { redirect } = remember(await call("POST", path, body));
  return { redirect, moves: true };
}

/** The first press of such a form mails a code, the second one, with the code, enters. */
async function enterByCode(kind, { email, token, customFields }, form) {
  if (token) {
    if (kind === "login") return enter("/auth/passwordless/login", { email, passwordlessToken: token });
    return enter("/auth/signup", { email, passwordlessToken: token, customFields, plans: plansOf(form) });
  }
  await call("POST", `/auth/passwordless/${kind}/send`, { email });
  form.querySelector("[data-ms-member=token]")?.focus();
  return { told: "A code is on its way to you. Enter it here." };
}

async function save(path, body) {
  await call("POST", path, body);
  return { told: SAVED };
}

/** Plans that a sign-up comes with: of the form, and of what is chosen in it. */
function plansOf(form) {
  const chosen = [form, ...form.querySelectorAll("[data-ms-plan\\:add]")].filter((each) => !isChoice(each) || each.checked);
  return chosen.map((each) => each.getAttribute("data-ms-plan:add")).filter(Boolean).map((planId) => ({ planId }));
}

const isChoice = (element) => element.type === "checkbox" || element.type === "radio";
const OWN = new Set(["email", "password", "current-password", "new-password", "token"]);

/** What the fields of a form hold, by their data-ms-member; what is no credential is a custom field. */
function valuesOf(form) {
  const values = { customFields: {} };
  for (const field of form.querySelectorAll("input[data-ms-member], select[data-ms-member], textarea[data-ms-member]")) {
    const name = field.dataset.msMember;
    if (field.type === "radio" && !field.checked) continue;
    const value = field.type === "checkbox" ? field.checked : field.value;
    if (!OWN.has(name)) values.customFields[name] = value;
    else if (value !== "") values[name] = name === "token" ? value.trim() : value;
  }
  return values;
}

/** Run one of the above: with the loader, never twice at once, and with its outcome said or followed. */
async function run(element, act) {
  if (element.ariaBusy === "true") return;
  element.ariaBusy = "true";
  for (const box of document.querySelectorAll("[data-ms-message]")) box.style.display = "none";
  showLoader(true);
  try {
    const { told, redirect, moves } = await act();
    if (told) say(element, told, "success");
    if (moves) follow(element.getAttribute("data-ms-redirect") ?? redirect);
    else await refresh();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(element, error.message, "error");
    if (error.code === "login-required") await refresh();
  } finally {
    element.ariaBusy = "false";
    showLoader(false);
  }
}

function showLoader(shown) {
  const loader = document.querySelector("[data-ms-loader]");
  if (loader) loader.style.display = shown ? "block" : "none";
}

/** Go there, if it is a page; what is on this one, or nowhere, needs it to be loaded anew. */
function follow(target) {
  const there = new URL(target || location.href, location.href);
  const page = /^https?:$/.test(there.protocol) ? there : location; // no javascript: and the like
  const stays = page.href.split("#")[0] === location.href.split("#")[0];
  location.assign(page);
  if (stays) location.reload();
}

/** Say it in the page's own box (data-ms-message), the nearest one, or in one of ours. */
function say(element, text, kind) {
  const selector = `[data-ms-message="${kind}"]`;
  const box = element.querySelector(selector) ?? element.closest("form")?.querySelector(selector) ?? document.querySelector(selector) ?? ownBox(kind);
  (box.querySelector("[data-ms-message-text]") ?? box).textContent = text;
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

/** Show this member what is for them, and themselves where the page asks for it. */
function show(member) {
  for (const part of document.querySelectorAll("[data-ms-content]")) {
    const asked = part.dataset.msContent;
    const shown = asked.startsWith("!") ? !belongs(member, asked.slice(1)) : belongs(member, asked);
    part.style.display = shown ? "" : "none";
  }
  for (const place of document.querySelectorAll("[data-ms-member]")) fill(place, member);
}

function fill(place, member) {
  const name = place.dataset.msMember;
  const value = name === "email" ? member?.auth.email : member?.customFields[name];
  if (place.matches("input, select, textarea")) {
    const form = place.closest("[data-ms-form]")?.dataset.msForm;
    if (!member || !["profile", "email"].includes(form) || place === document.activeElement) return;
    if (isChoice(place)) place.checked = place.type === "radio" ? place.value === String(value) : Boolean(value);
    else place.value = value ?? "";
  } else {
    place.textContent = value ?? "";
  }
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

let loading; // the dialogs' script, once somebody wants one

/** Open a dialog: login, signup, forgot-password or profile. Resolves with {type, data} when it closes. */
async function openModal(name, params = {}) {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = `${site.origin}/prebuilt-ui.js`;
    Object.assign(script.dataset, { memberstackDomain: site.origin, memberstackKey: site.publicKey });
    script.onload = done;
    script.onerror = () => failed(new Refused("unreachable", OFFLINE));
    document.head.append(script);
  });
  try {
    await loading;
  } catch (error) {
    loading = undefined; // the next press tries again
    throw error;
  }
  document.querySelector("memberstack-prebuilt-ui")?.remove();
  showLoader(false);
  const result = await new Promise((onSuccess) => {
    const element = Object.assign(document.createElement("memberstack-prebuilt-ui"), {
      display: name.toLowerCase().replaceAll("-", "_"), params, onSuccess,
    });
    document.body.append(element);
  });
  if (result.type === "CLOSED") await refresh(); // the profile may have changed
  return result;
}

/** Open it for this element, and go where its outcome leads. */
async function openFor(element, name, params) {
  const { type, data } = await openModal(name, params);
  return type === "CLOSED" ? {} : { redirect: data?.redirect, moves: true };
}

/** Add a plan to who is logged in; everybody else signs up with it. */
async function addPlan(element, planId) {
  if (!remembered()) return openFor(element, "signup", { signup: { plans: [planId] } });
  return save("/member/plans/add", { planId });
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-ms-form]");
  const act = form && FORMS[form.dataset.msForm];
  if (!act) return;
  event.preventDefault();
  run(form, () => act(valuesOf(form), form));
});

document.addEventListener("click", (event) => {
  const element = event.target.closest?.("[data-ms-action], [data-ms-modal], [data-ms-plan\\:add], [data-ms-plan\\:remove]");
  if (!element || element.matches("form, input")) return;
  const { msAction: action, msModal: modal } = element.dataset;
  const added = element.getAttribute("data-ms-plan:add"), removed = element.getAttribute("data-ms-plan:remove");
  if (added && element.closest("[data-ms-form]")) return; // the form's own plan
  const act = ACTIONS[action] ?? (modal ? () => openFor(element, modal)
    : added ? () => addPlan(element, added)
    : removed && (() => save("/member/plans/remove", { planId: removed })));
  if (!act) return;
  event.preventDefault();
  run(element, () => act(element));
});

// A log-in or log-out in another tab shows here too.
addEventListener("storage", ({ key }) => { if (key === TOKEN || key === null) refresh(); });

window.$memberstackDom = {
  getCurrentMember: async () => ({ data: await currentMember() }),
  getMemberCookie: () => storage.read(TOKEN) ?? undefined,
  logout: async () => ({ data: await logOut() }),
  openModal,
};

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", refresh);
else refresh();

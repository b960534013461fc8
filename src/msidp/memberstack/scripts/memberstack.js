// Membership for a page without a line of script: attributes say what its forms, buttons and parts are for.
// <script src="https://id.example.com/memberstack.js" defer></script>, and then data-ms-form, data-ms-content, …

/** `data-ms-form`: what each kind of form does with its values. An outcome says what is `told`, whether it `ends`
 *  what was wanted, so that data-ms-redirect applies, and whether the page `moves` on without one, to `redirect`. */
const FORMS = {
  login: ({ email, password }) => enter("/auth/login", { email, password }),
  signup: signUp,
  "passwordless-login": async ({ email, token }, form) =>
    token ? enter("/auth/passwordless/login", { email, passwordlessToken: token }) : sendCode("login", email, form),
  "passwordless-signup": async ({ email, token, customFields }, form, button) =>
    token
      ? enter("/auth/signup", { email, passwordlessToken: token, customFields, plans: plansOf(form, button) })
      : sendCode("signup", email, form),
  "forgot-password": async ({ email }) => {
    await call("POST", "/auth/send-reset-password-email", { email });
    return { told: text("reset_sent"), ends: true };
  },
  "reset-password": async ({ token, password, "new-password": fresh }) => {
    await call("POST", "/auth/reset-password", { token, newPassword: fresh ?? password });
    return { told: text("password_reset_success"), ends: true };
  },
  profile: ({ customFields }) => save("/member", { customFields }),
  email: ({ email, "current-password": oldPassword }) => save("/member-auth", { email, oldPassword }),
  password: ({ "current-password": oldPassword, password, "new-password": fresh }) =>
    oldPassword
      ? save("/member-auth", { oldPassword, newPassword: fresh ?? password })
      : save("/member/set-password", { password: fresh ?? password }),
};

const ACTIONS = {
  logout: async () => ({ redirect: (await logOut()).redirect, ends: true, moves: true }),
  "login-redirect": async () => {
    if (!storage.read(TOKEN)) return outcome(await openModal("login"));
    const redirect = (await currentMember())?.loginRedirect;
    return { redirect, ends: true, moves: Boolean(redirect) };
  },
  "resend-verification-email": async () => {
    await call("POST", "/auth/send-email-verification", {});
    return { told: text("verification_sent"), ends: true };
  },
  "delete-member": async () => {
    if (!confirm(text("delete_confirmation_message"))) return {};
    await call("DELETE", "/member");
    forget();
    return { ends: true, moves: true };
  },
};

async function enter(path, body) {
  const { redirect } = remember(await call("POST", path, body));
  return { redirect, ends: true, moves: true };
}

/** Where an address is to be proved first, a form with a field for the code is sent twice. */
async function signUp({ email, password, token, customFields }, form, button) {
  const asked = { email, password, passwordlessToken: token, customFields, plans: plansOf(form, button) };
  try {
    return await enter("/auth/signup", asked);
  } catch (error) {
    if (error.code !== "email-proof-required" || !tokenOf(form)) throw error;
    return sendCode("signup", email, form);
  }
}

const tokenOf = (form) => fieldsOf(form).find((field) => field.dataset.msMember === "token");

/** The first press of such a form mails a code, the second one, with the code, enters. */
async function sendCode(kind, email, form) {
  await call("POST", `/auth/passwordless/${kind}/send`, { email });
  tokenOf(form)?.focus();
  return { told: text(`${kind}_code_sent`) };
}

async function save(path, body) {
  await call("POST", path, body);
  return { told: text("saved"), ends: true };
}

/** Plans that a sign-up comes with: of the form, of what is chosen in it, and of the button that was pressed. */
function plansOf(form, button) {
  const isMeant = (each) => {
    if (isChoice(each)) return each.checked;
    if (each.matches("option")) return each.selected;
    return isButton(each) ? each === button : true;
  };
  const named = [form, ...form.querySelectorAll("[data-ms-plan\\:add]")].filter(isMeant);
  return named.map((each) => each.getAttribute("data-ms-plan:add")).filter(Boolean).map((planId) => ({ planId }));
}

const isButton = (element) => element.matches("button, input[type=submit], input[type=button], input[type=image]");

/** Passwords and codes have done their work. */
function clearSecrets(form) {
  for (const field of fieldsOf(form)) if (field.dataset.msMember !== "email" && OWN.has(field.dataset.msMember)) field.value = "";
}

/** Run one of the above: with the loader, never twice at once, and with its outcome said or followed. */
async function run(element, act) {
  if (element.ariaBusy === "true") return;
  element.ariaBusy = "true";
  hideMessages();
  showLoader(true);
  const typed = fieldsOf(element).filter((field) => edited.delete(field));
  try {
    const { told, redirect, ends, moves } = await act();
    const wanted = element.getAttribute("data-ms-redirect");
    if (ends) clearSecrets(element);
    if (told) say(element, told, "success");
    if (moves || (ends && wanted !== null)) await follow(wanted ?? redirect);
    else await refresh();
  } catch (error) {
    for (const field of typed) edited.add(field);
    if (!(error instanceof Refused)) throw error;
    if (error.code === "login-required") await refresh();
    else show(remembered());
    say(element, error.message, "error");
  } finally {
    element.ariaBusy = "false";
    showLoader(false);
  }
}

/** Go there, if it is a page; what is on this one, or nowhere, needs it to be loaded anew. */
async function follow(target) {
  let page = location;
  try {
    const there = new URL(target || location.href, document.baseURI);
    if (/^https?:$/.test(there.protocol)) page = there; // no javascript: and the like
  } catch { /* no address at all */ }
  const stays = page.href.split("#")[0] === location.href.split("#")[0];
  if (!stays || page.hash !== location.hash) location.assign(page);
  if (stays && lasting) location.reload();
  else if (stays) await refresh(); // loaded anew, it would know nobody
}

let loading; // the dialogs' script, once somebody wants one

const dialogOf = (name) => name.toLowerCase().replaceAll("-", "_");
const DIALOGS = { login: 1, signup: 1, passwordless: 1, "forgot-password": 1, "reset-password": 1, profile: 1 };

/** Open a dialog, one of these. Resolves with {type, data} when it closes. */
async function openModal(name, params = {}) {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = `${site.origin}/prebuilt-ui.js`;
    Object.assign(script.dataset, { memberstackDomain: site.origin, memberstackKey: site.publicKey });
    script.onload = done;
    script.onerror = () => failed(new Refused("unreachable", text("unreachable")));
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
  return new Promise((onSuccess) => {
    const element = document.createElement("memberstack-prebuilt-ui");
    document.body.append(Object.assign(element, { display: dialogOf(name), params, onSuccess }));
  });
}

/** Closed, the profile may have changed; everything else is an end. */
function outcome({ type, data }) {
  const ends = type !== "CLOSED";
  return { redirect: data?.redirect, ends, moves: ends };
}

/** Add a plan to who is logged in; everybody else signs up with it, or turns out to have an account. */
async function addPlan(planId) {
  if (remembered()) return save("/member/plans/add", { planId });
  const result = await openModal("signup", { signup: { plans: [planId] } });
  if (result.type === "LOGIN") await join(planId);
  return outcome(result);
}

async function join(planId) {
  try {
    await call("POST", "/member/plans/add", { planId });
  } catch (error) {
    if (error.code !== "already-have-plan") throw error;
  }
}

document.addEventListener("submit", (event) => {
  const form = formOf(event.target);
  if (!form) return;
  event.preventDefault(); // also where it is misspelt: passwords do not belong in an address
  const act = FORMS[form.dataset.msForm];
  if (act) run(form, () => act(valuesOf(form), form, event.submitter));
  else unknown(form, "data-ms-form", FORMS);
});

/** What a press on this does; undefined for nothing. */
function pressed(element) {
  const { msAction: action, msModal: modal } = element.dataset;
  const added = element.getAttribute("data-ms-plan:add"), removed = element.getAttribute("data-ms-plan:remove");
  if (action !== undefined) return ACTIONS[action] ?? unknown(element, "data-ms-action", ACTIONS);
  if (modal !== undefined) {
    const isKnown = Object.keys(DIALOGS).map(dialogOf).includes(dialogOf(modal));
    return isKnown ? async () => outcome(await openModal(modal)) : unknown(element, "data-ms-modal", DIALOGS);
  }
  if (removed) return () => save("/member/plans/remove", { planId: removed });
  const isOfSignUp = formOf(element)?.dataset.msForm?.endsWith("signup"); // the form's own plan
  return added && !isOfSignUp ? () => addPlan(added) : undefined;
}

document.addEventListener("click", (event) => {
  const closing = event.target.closest?.("[data-ms-message-close]");
  if (closing) hideMessages();
  const element = event.target.closest?.("[data-ms-action], [data-ms-modal], [data-ms-plan\\:add], [data-ms-plan\\:remove]");
  if (!element || (element.matches("form, input, option") && !isButton(element))) return;
  const act = pressed(element);
  if (!act) return;
  event.preventDefault();
  run(element, act);
});

// A log-in or log-out in another tab shows here too.
addEventListener("storage", ({ key }) => { if (key === TOKEN || key === null) refresh(); });

// So does a page that the browser had kept, when somebody comes back to it.
addEventListener("pageshow", ({ persisted }) => { if (persisted) refresh(); });

/** For the page's own scripts: do this, and show what has become of it. */
const shown = (act) => async (...given) => {
  try {
    return await act(...given);
  } finally {
    await refresh();
  }
};

window.$memberstackDom = {
  getCurrentMember: async () => ({ data: await currentMember() }),
  getMemberCookie: () => storage.read(TOKEN) ?? undefined,
  logout: shown(async () => ({ data: await logOut() })),
  openModal: shown(openModal),
};

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", refresh);
else refresh();

// <memberstack-prebuilt-ui>: the dialog that openModal() of @memberstack/dom shows. It is given `display` (which
// one), `params` ({translations, signup: {plans}}) and `onSuccess`, which hears of the end as {type, data}.

const TEXTS = {
  email_address: "Email address",
  password: "Password",
  login_to_your_account: "Log in to your account",
  login: "Log in",
  forgot_password: "Forgot your password?",
  continue_with_email: "Email me a code instead",
  dont_have_an_account: "No account yet? Sign up",
  create_an_account: "Create an account",
  signup_button: "Sign up",
  already_have_an_account: "Have an account already? Log in",
  reset_your_password: "Reset your password",
  reset_instructions: "We will email you a code to choose a new password with.",
  reset: "Email me a code",
  reset_already_have_code: "I have a code already",
  reset_enter_code: "Code from the email",
  reset_password_placeholder: "New password",
  reset_confirm_reset: "Change the password",
  password_reset_success: "Your password is changed. Log in with it.",
  passwordless_token_heading: "Enter your code",
  login_passwordless_instructions: "If this address has an account, a code is on its way to it.",
  login_verification_code: "Code",
  login_verify_email: "Log in",
  login_with_password: "Log in with a password",
  profile_information_title: "Your account",
  save_button: "Save",
  security_title: "Password",
  set_password: "Set a password",
  change_password: "Change the password",
  current_password: "Current password",
  plans_title: "Your plans",
  no_plans_message: "You are on no plan.",
  remove_button: "Leave",
  logout_button: "Log out",
  delete_account: "Delete my account",
  delete_confirmation_message: "Your account and all that belongs to it will be gone for good.",
  yes_delete_account: "Yes, delete my account",
  cancel_button: "Cancel",
  saved: "Saved.",
  unverified: "Your address is not confirmed yet.",
  resend_verification: "Email me the link again",
  verification_sent: "The link is on its way.",
  loading_text: "Loading…",
  close: "Close",
};

const STYLE = `
  :host { ${colours("light")} --ink: #171b26; --soft: #5a6172; --card: #fff; --edge: #c5cad6; --bad: #b3261e; --good: #1b6e3c; }
  @media (prefers-color-scheme: dark) {
    :host { ${colours("dark")} --ink: #eef0f5; --soft: #a9b0c0; --card: #171a21; --edge: #4a5263; --bad: #ffb4ab; --good: #8fd6a4; }
  }
  dialog {
    box-sizing: border-box; width: min(26rem, calc(100vw - 2rem)); max-height: calc(100dvh - 2rem); overflow: auto;
    border: 1px solid var(--edge); border-radius: 12px; padding: 1.75rem; background: var(--card); color: var(--ink);
    font: 16px/1.5 system-ui, sans-serif; text-align: start;
  }
  dialog::backdrop { background: rgb(0 0 0 / .55); }
  h2 { font-size: 1.3rem; line-height: 1.3; margin: 0 2rem 1rem 0; }
  h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
  p { margin: 0 0 .75rem; }
  label { display: block; margin: 0 0 .9rem; font-weight: 600; }
  input {
    box-sizing: border-box; display: block; width: 100%; margin-top: .25rem; padding: .6rem .7rem; font: inherit; font-weight: 400;
    border: 1px solid var(--edge); border-radius: 8px; background: transparent; color: inherit;
  }
  input[hidden] { display: none; }
  button { font: inherit; cursor: pointer; border-radius: 8px; padding: .6rem .9rem; }
  button[type=submit] { width: 100%; border: 1px solid var(--edge); background: var(--fill); color: var(--on-fill); font-weight: 600; }
  button.quiet { display: block; border: 0; padding: .35rem 0; background: none; color: var(--accent); text-align: start; }
  button.close { position: absolute; inset: .9rem .9rem auto auto; width: 2.5rem; height: 2.5rem; padding: 0; border: 0; background: none; color: var(--soft); font-size: 1.4rem; line-height: 1; }
  button[aria-disabled=true] { opacity: .6; cursor: progress; }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  [role=alert], [role=status] { margin: 0 0 .9rem; font-weight: 600; }
  [role=alert]:empty, [role=status]:empty { margin: 0; }
  [role=alert] { color: var(--bad); }
  [role=status] { color: var(--good); }
  .danger { color: var(--bad) !important; }
  nav { margin-top: 1rem; }
  ul { list-style: none; margin: 0; padding: 0; }
  li { display: flex; justify-content: space-between; align-items: center; gap: 1rem; }
`;

function colours(scheme) {
  const { fill, onFill, accent } = site.colours[scheme];
  return `--fill: ${fill}; --on-fill: ${onFill}; --accent: ${accent};`;
}

/** An element with these properties and contents; texts are never read as HTML. */
function make(tag, properties = {}, ...contents) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...contents);
  return element;
}

class PrebuiltUi extends HTMLElement {
  #dialog;
  #ended = false;
  #email = ""; // goes along from one view to the next

  connectedCallback() {
    if (this.#dialog) return;
    this.#dialog = make("dialog");
    this.#dialog.addEventListener("close", () => this.#end({ type: "CLOSED" }));
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog && this.#isOutside(event)) this.#dialog.close();
    });
    this.#dialog.addEventListener("input", ({ target }) => {
      if (target.name === "email") this.#email = target.value;
    });
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); // a policy may forbid <style>
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.append(this.#dialog);
    this.#dialog.showModal(); // keeps the focus inside, and lets Escape close it
    this.#show(VIEWS[this.display] ? this.display : "login");
  }

  disconnectedCallback() {
    this.#end({ type: "CLOSED" });
  }

  /** Tell how it ended, once, and go. */
  #end(result) {
    if (this.#ended) return;
    this.#ended = true;
    this.onSuccess?.(result);
    this.remove();
  }

  #isOutside({ clientX, clientY }) {
    const box = this.#dialog.getBoundingClientRect();
    return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
  }

  #text(key) {
    return this.params?.translations?.[key] ?? window.memberstackTranslations?.[key] ?? TEXTS[key];
  }

  #show(name, told = "") {
    const title = make("h2", { id: "title", tabIndex: -1 }, this.#text(VIEWS[name].title));
    const close = make("button", { type: "button", className: "close", ariaLabel: this.#text("close") }, "×");
    close.addEventListener("click", () => this.#dialog.close());
    this.#dialog.setAttribute("aria-labelledby", "title");
    this.#dialog.replaceChildren(title, close, make("p", { role: "status" }, told));
    VIEWS[name].build(this.#hand());
    (this.#dialog.querySelector("input") ?? title).focus();
  }

  /** What a view builds itself with. */
  #hand() {
    const dialog = this.#dialog;
    return {
      email: this.#email,
      plans: this.params?.signup?.plans,
      text: (key) => this.#text(key),
      add: (...elements) => dialog.append(...elements),
      show: (name, told) => this.#show(name, told),
      succeed: (type, data) => this.#end({ type, data }),
      /** A form of these inputs; `run` gets their values, and may throw Refused. */
      form: (inputs, label, run) => dialog.append(this.#form(inputs, label, run)),
      /** Quiet buttons below each other: [[label, action], …]. */
      links: (...links) => dialog.append(make("nav", {}, ...links.map(([key, act]) => this.#link(key, act)))),
      link: (key, act, className) => this.#link(key, act, className),
    };
  }

  #form(inputs, label, run) {
    const alert = make("p", { role: "alert" });
    const button = make("button", { type: "submit" }, this.#text(label));
    const labels = inputs.map(({ label: key, ...properties }) =>
      key ? make("label", {}, this.#text(key), make("input", { required: true, ...properties })) : make("input", properties));
    const form = make("form", {}, alert, ...labels, button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const values = Object.fromEntries(new FormData(form));
      this.#try(button, alert, () => run(values, form));
    });
    return form;
  }

  #link(key, act, className = "") {
    const button = make("button", { type: "button", className: `quiet ${className}` }, this.#text(key));
    const alert = make("p", { role: "alert" });
    button.addEventListener("click", () => this.#try(button, alert, act));
    return make("div", {}, button, alert);
  }

  /** One thing at a time; what is refused is said beside what was pressed. */
  async #try(button, alert, act) {
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true"; // not `disabled`, which would lose the focus
    alert.textContent = "";
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === "login-required") this.#show("login", error.message);
      alert.textContent = error.message;
    } finally {
      button.ariaDisabled = "false";
    }
  }
}

const email = (value = "") => ({ name: "email", type: "email", label: "email_address", autocomplete: "username", value });
const password = (label, autocomplete, name = "password") => ({ name, type: "password", label, autocomplete });
/** Whose password it is, for a browser that keeps passwords. */
const whose = (value) => ({ type: "email", autocomplete: "username", value, hidden: true });
const code = (label) => ({ name: "code", label, autocomplete: "one-time-code", autocapitalize: "off", spellcheck: false });

const VIEWS = {
  login: {
    title: "login_to_your_account",
    build({ email: known, form, links, show, succeed }) {
      form([email(known), password("password", "current-password")], "login", async (values) =>
        succeed("LOGIN", remember(await call("POST", "/auth/login", values))));
      links(
        ["forgot_password", () => show("forgot_password")],
        ["continue_with_email", () => show("passwordless")],
        ["dont_have_an_account", () => show("signup")],
      );
    },
  },
  signup: {
    title: "create_an_account",
    build({ email: known, plans, form, links, show, succeed }) {
      form([email(known), password("password", "new-password")], "signup_button", async (values) => {
        const asked = plans ? { ...values, plans: plans.map((plan) => ({ planId: plan.planId ?? plan })) } : values;
        succeed("SIGNUP", remember(await call("POST", "/auth/signup", asked)));
      });
      links(["already_have_an_account", () => show("login")]);
    },
  },
  passwordless: {
    title: "login_to_your_account",
    build({ email: known, form, links, show }) {
      form([email(known)], "continue_with_email", async (values) => {
        await call("POST", "/auth/passwordless/login/send", values);
        show("passwordless_code");
      });
      links(["login_with_password", () => show("login")]);
    },
  },
  passwordless_code: {
    title: "passwordless_token_heading",
    build({ email: known, text, add, form, links, show, succeed }) {
      add(make("p", {}, text("login_passwordless_instructions")));
      form([email(known), code("login_verification_code")], "login_verify_email", async (values) => {
        const asked = { email: values.email, passwordlessToken: values.code.trim() };
        succeed("LOGIN", remember(await call("POST", "/auth/passwordless/login", asked)));
      });
      links(["login_with_password", () => show("login")]);
    },
  },
  forgot_password: {
    title: "reset_your_password",
    build({ email: known, text, add, form, links, show }) {
      add(make("p", {}, text("reset_instructions")));
      form([email(known)], "reset", async (values) => {
        await call("POST", "/auth/send-reset-password-email", values);
        show("reset_password", text("login_passwordless_instructions"));
      });
      links(["reset_already_have_code", () => show("reset_password")], ["already_have_an_account", () => show("login")]);
    },
  },
  reset_password: {
    title: "reset_your_password",
    build({ text, form, links, show }) {
      const fields = [code("reset_enter_code"), password("reset_password_placeholder", "new-password")];
      form(fields, "reset_confirm_reset", async ({ code: token, password: newPassword }) => {
        await call("POST", "/auth/reset-password", { token: token.trim(), newPassword });
        show("login", text("password_reset_success"));
      });
      links(["reset", () => show("forgot_password")]);
    },
  },
  profile: { title: "profile_information_title", build: buildProfile },
  delete_account: {
    title: "delete_account",
    build({ text, add, link, show, succeed }) {
      add(
        make("p", {}, text("delete_confirmation_message")),
        link("yes_delete_account", async () => {
          await call("DELETE", "/member");
          forget();
          succeed("DELETE_MEMBER", {});
        }, "danger"),
        link("cancel_button", () => show("profile")),
      );
    },
  },
};

async function buildProfile(hand) {
  const { text, add, form, link, show, succeed } = hand;
  const waiting = make("p", { role: "alert" }, text("loading_text"));
  add(waiting);
  let member;
  try {
    member = await currentMember();
  } catch (error) {
    waiting.textContent = error.message;
    return;
  }
  waiting.remove();
  if (!member) {
    show("login");
    return;
  }
  if (!member.verified) {
    add(make("p", {}, text("unverified")), link("resend_verification", async () => {
      await call("POST", "/auth/send-email-verification", {});
      show("profile", text("verification_sent"));
    }));
  }
  form([email(member.auth.email)], "save_button", async (values) => {
    await call("POST", "/member-auth", values);
    show("profile", text("saved"));
  });
  addPassword(hand, member);
  addPlans(hand, member);
  add(
    make("nav", {},
      link("logout_button", async () => {
        const { redirect } = await logOut();
        succeed("LOGOUT", { redirect });
      }),
      link("delete_account", () => show("delete_account"), "danger")),
  );
}

function addPassword({ text, add, form, show }, member) {
  add(make("h3", {}, text("security_title")));
  const fresh = password("reset_password_placeholder", "new-password", "newPassword");
  if (member.auth.hasPassword) {
    const present = password("current_password", "current-password", "oldPassword");
    form([whose(member.auth.email), present, fresh], "change_password", async (values) => {
      await call("POST", "/member-auth", values);
      show("profile", text("saved"));
    });
  } else {
    form([whose(member.auth.email), fresh], "set_password", async ({ newPassword }) => {
      await call("POST", "/member/set-password", { password: newPassword });
      show("profile", text("saved"));
    });
  }
}

function addPlans({ text, add, link, show }, member) {
  const rows = member.planConnections.filter((each) => each.active).map((each) => {
    const row = make("li", {}, make("span", {}, each.planName ?? each.planId));
    if (each.type === "FREE") {
      row.append(link("remove_button", async () => {
        await call("POST", "/member/plans/remove", { planId: each.planId });
        show("profile", text("saved"));
      }));
    }
    return row;
  });
  add(make("h3", {}, text("plans_title")), rows.length ? make("ul", {}, ...rows) : make("p", {}, text("no_plans_message")));
}

if (!customElements.get("memberstack-prebuilt-ui")) customElements.define("memberstack-prebuilt-ui", PrebuiltUi);

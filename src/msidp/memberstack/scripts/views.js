// What the dialogs hold: each view builds itself with what the element hands it (see prebuilt-ui.js).

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
        succeed("LOGIN", await call("POST", "/auth/login", values)));
      links(
        ["forgot_password", () => show("forgot_password")],
        ["continue_with_email", () => show("passwordless")],
        ["dont_have_an_account", () => show("signup")],
      );
    },
  },
  signup: {
    title: "create_an_account",
    build({ email: known, plans, wait, form, links, show, succeed }) {
      form([email(known), password("password", "new-password")], "signup_button", async (values) => {
        const asked = plans ? { ...values, plans: plans.map((plan) => ({ planId: plan.planId ?? plan })) } : values;
        try {
          succeed("SIGNUP", await call("POST", "/auth/signup", asked));
        } catch (error) {
          if (error.code !== "email-proof-required") throw error;
          await sendSignUpCode(asked);
          wait(asked);
          show("signup_code");
        }
      });
      links(["already_have_an_account", () => show("login")]);
    },
  },
  signup_code: { // where an account begins with the proof of its address
    title: "passwordless_token_heading",
    build({ asked, text, add, form, links, show, succeed }) {
      add(make("p", {}, text("signup_code_instructions")));
      form([code("login_verification_code")], "signup_button", async (values) =>
        succeed("SIGNUP", await call("POST", "/auth/signup", { ...asked, passwordlessToken: values.code.trim() })));
      links(["another_code", async () => {
        await sendSignUpCode(asked);
        show("signup_code", text("code_sent"));
      }], ["already_have_an_account", () => show("login")]);
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
        succeed("LOGIN", await call("POST", "/auth/passwordless/login", asked));
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

const sendSignUpCode = ({ email }) => call("POST", "/auth/passwordless/signup/send", { email });

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

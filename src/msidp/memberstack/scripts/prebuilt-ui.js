// <memberstack-prebuilt-ui>: the dialog that openModal() of @memberstack/dom shows. It is given `display` (which
// one), `params` ({translations, signup: {plans}}) and `onSuccess`, which hears of the end as {type, data}.

class PrebuiltUi extends HTMLElement {
  #dialog;
  #ended = false;
  #email = ""; // goes along from one view to the next
  #asked; // a sign-up that waits for the code
  #opener; // what had the focus before

  connectedCallback() {
    if (this.#dialog) return;
    this.#opener = document.activeElement;
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
    this.#opener?.focus();
  }

  /** Whoever closes the dialog before the answer is there has thought better of it. */
  #succeed(type, data) {
    if (this.#ended) return;
    if (data.tokens) remember(data);
    this.#end({ type, data });
  }

  #isOutside({ clientX, clientY }) {
    const box = this.#dialog.getBoundingClientRect();
    return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
  }

  #text(key) {
    return this.params?.translations?.[key] ?? text(key);
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
      asked: this.#asked,
      /** Keep this sign-up until its code is there. */
      wait: (asked) => { this.#asked = asked; },
      text: (key) => this.#text(key),
      add: (...elements) => dialog.append(...elements),
      show: (name, told) => this.#show(name, told),
      succeed: (type, data) => this.#succeed(type, data),
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
      this.#try(button, alert, () => run(values));
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
      const said = this.params?.translations?.[error.code] ?? error.message;
      if (error.code === "login-required") this.#show("login", said);
      alert.textContent = said;
    } finally {
      button.ariaDisabled = "false";
    }
  }
}

if (!customElements.get("memberstack-prebuilt-ui")) customElements.define("memberstack-prebuilt-ui", PrebuiltUi);

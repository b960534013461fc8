// Brings a passkey's answer back through the form that asks for it. Without this file pages work by password.
"use strict";
(() => {
  const form = document.querySelector("form[data-passkey]");
  if (!form || !window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));

  const creates = form.dataset.passkey === "create";
  const options = JSON.parse(form.dataset.options);
  options.challenge = bytes(options.challenge);
  if (creates) {
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = named(options.excludeCredentials);
  } else {
    options.allowCredentials = named(options.allowCredentials);
  }

  const answer = ({ id, rawId, type, authenticatorAttachment, response }) => {
    const said = { clientDataJSON: text(response.clientDataJSON) };
    if (creates) {
      said.attestationObject = text(response.attestationObject);
      said.transports = response.getTransports ? response.getTransports() : [];
    } else {
      said.authenticatorData = text(response.authenticatorData);
      said.signature = text(response.signature);
      said.userHandle = response.userHandle ? text(response.userHandle) : null;
    }
    return JSON.stringify({ id, rawId: text(rawId), type, authenticatorAttachment, response: said });
  };

  let waiting; // the request that is open: there may be one at a time
  const ask = async (more) => {
    waiting?.abort();
    const mine = (waiting = new AbortController());
    const wanted = { publicKey: options, signal: mine.signal, ...more };
    try {
      const found = await navigator.credentials[creates ? "create" : "get"](wanted);
      if (!found || mine.signal.aborted) return;
      form.elements.credential.value = answer(found);
      form.submit();
    } catch (error) {
      if (more || mine.signal.aborted) return; // nobody asked for it by name
      const said = form.querySelector("[data-says]");
      said.textContent = error.name === "InvalidStateError" ? said.dataset.known : said.dataset.says;
      fill();
    }
  };
  const fill = async () => {
    if (!creates && form.dataset.autofill && (await PublicKeyCredential.isConditionalMediationAvailable?.())) {
      ask({ mediation: "conditional" });
    }
  };

  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  for (const other of document.forms) {
    if (other !== form) other.addEventListener("submit", () => waiting?.abort());
  }
  fill();
})();

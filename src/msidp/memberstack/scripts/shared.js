// What both scripts need: the Client API, and who is logged in on this site. `site` stands before this file
// (see script_routes.py): {origin, publicKey, colours}. The script's tag may name others.

const { memberstackDomain: domain, memberstackKey: key } = document.currentScript?.dataset ?? {};
if (domain) site.origin = new URL(domain.includes("://") ? domain : `https://${domain}`).origin;
if (key) site.publicKey = key;

const TOKEN = "_ms-mid"; // where @memberstack/dom keeps the token and the member, so that either finds them
const MEMBER = "_ms-mem";
const PATIENCE = 30_000; // ms for an answer

/** What the Client API refused: `code` is for programs, the message for people. */
class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The browser's storage, or null where it is forbidden. */
const lasting = (() => {
  try {
    localStorage.getItem(TOKEN);
    return localStorage;
  } catch {
    return null;
  }
})();

/** Without it a log-in lasts as long as this page. The two scripts share what they know. */
const passing = (window[Symbol.for("msidp.passing")] ??= new Map());
const storage = {
  read: (name) => (lasting ? lasting.getItem(name) : passing.get(name)) ?? null,
  write(name, value) {
    if (!lasting) return void passing.set(name, value);
    try { lasting.setItem(name, value); } catch { /* it is full */ }
  },
  drop(name) {
    if (lasting) lasting.removeItem(name);
    else passing.delete(name);
  },
};

/** Call the Client API; the `data` of its answer. Throws Refused. */
async function call(method, path, body) {
  const token = storage.read(TOKEN);
  const headers = { "X-API-KEY": site.publicKey, "Accept-Language": language };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer, found;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    answer = await fetch(site.origin + path, { method, headers, body: JSON.stringify(body), signal });
    found = await answer.json();
  } catch {
    throw new Refused("unreachable", text("unreachable"));
  }
  if (!answer.ok) throw new Refused(found?.code, translated(found?.code) ?? found?.message ?? text("unreachable"));
  return found.data;
}

/** Keep who has just logged in, and give it back. */
function remember(data) {
  storage.write(TOKEN, data.tokens.accessToken);
  storage.write(MEMBER, JSON.stringify(data.member));
  return data;
}

function forget() {
  storage.drop(TOKEN);
  storage.drop(MEMBER);
}

/** The member of this browser, or null. Asks the server: a token may have ended. */
async function currentMember() {
  const token = storage.read(TOKEN);
  if (!token) return null;
  const member = await call("GET", "/member");
  if (storage.read(TOKEN) !== token) return currentMember(); // logged in or out meanwhile: this is about the former
  if (member) storage.write(MEMBER, JSON.stringify(member));
  else forget();
  return member;
}

/** End the session here, and at the server if it can be told. */
async function logOut() {
  try {
    if (storage.read(TOKEN)) return await call("POST", "/member/logout", {});
  } catch (error) {
    if (error.code === "unreachable") throw error; // the session would go on where nobody sees it
  } finally {
    forget();
  }
  return {};
}

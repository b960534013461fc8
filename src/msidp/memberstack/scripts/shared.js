// What both scripts need: the Client API, and who is logged in on this site. `site` stands before this file
// (see script_routes.py): {origin, publicKey, colours}. The script's tag may name others.

const { memberstackDomain: domain, memberstackKey: key } = document.currentScript?.dataset ?? {};
if (domain) site.origin = new URL(domain.includes("://") ? domain : `https://${domain}`).origin;
if (key) site.publicKey = key;

const TOKEN = "_ms-mid"; // where @memberstack/dom keeps the token and the member, so that either finds them
const MEMBER = "_ms-mem";
const OFFLINE = "The server cannot be reached. Please check your connection and try again.";

/** What the Client API refused: `code` is for programs, the message for people. */
class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** Browsers that forbid storage remember nobody beyond this page. */
const storage = {
  read(name) {
    try { return localStorage.getItem(name); } catch { return null; }
  },
  write(name, value) {
    try { localStorage.setItem(name, value); } catch { /* see above */ }
  },
  drop(name) {
    try { localStorage.removeItem(name); } catch { /* see above */ }
  },
};

/** Call the Client API; the `data` of its answer. Throws Refused. */
async function call(method, path, body) {
  const token = storage.read(TOKEN);
  const headers = { "X-API-KEY": site.publicKey, ...(token && { Authorization: `Bearer ${token}` }) };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer, found;
  try {
    answer = await fetch(site.origin + path, { method, headers, body: JSON.stringify(body) });
    found = await answer.json();
  } catch {
    throw new Refused("unreachable", OFFLINE);
  }
  if (!answer.ok) throw new Refused(found.code, found.message);
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
  if (!storage.read(TOKEN)) return null;
  const member = await call("GET", "/member");
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

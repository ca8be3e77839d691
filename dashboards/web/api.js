// The public API, as this page asks it. The token is kept for as long as the tab is open.

const KEY = "token";

export class SignedOut extends Error {}

export function isSignedIn() {
  return token() !== null;
}

export function token() {
  return sessionStorage.getItem(KEY);
}

/** Ask with a token from elsewhere, as it is or with Bearer before it. */
export function keepToken(given) {
  sessionStorage.setItem(KEY, given.trim().replace(/^bearer\s+/i, ""));
}

export function signOut() {
  sessionStorage.removeItem(KEY);
}

/** Exchange an application's id and secret, or the code of a one-time link, for a token. */
export async function signIn(credentials) {
  const answer = await reach("/api/v1/token", { method: "POST", body: JSON.stringify(credentials) });
  if (!answer.ok) throw new Error(await reasonOf(answer));
  keepToken((await answer.json()).accessToken);
}

/** As a person, else as a program; secrets that were made up for programs are known by how they begin. */
export async function signInAsEither({ name, secret }) {
  const program = { grantType: "client_credentials", clientID: name, clientSecret: secret };
  if (secret.startsWith("gpum_")) return signIn(program);
  try {
    await signIn({ grantType: "password", username: name, password: secret });
  } catch (refused) {
    await signIn(program).catch(() => { throw refused; });
  }
}

/** Ask, and read the answer's JSON. Parameters that are lists are repeated. */
export async function ask(path, parameters = {}) {
  const answer = await send(path, parameters);
  return answer.json();
}

/** Ask for a file, as a Blob. */
export async function download(path, parameters) {
  const answer = await send(path, parameters);
  return answer.blob();
}

async function send(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const each of [value].flat()) query.append(name, each);
  }
  const sent = token();
  const answer = await reach(`${path}?${query}`, { headers: sent ? { Authorization: `Bearer ${sent}` } : {} });
  if (answer.status === 401) {
    if (token() === sent) signOut(); // unless someone signed in while this was asked
    throw new SignedOut();
  }
  if (!answer.ok) throw new Error(await reasonOf(answer));
  return answer;
}

async function reach(address, options) {
  try {
    return await fetch(address, options);
  } catch {
    throw new Error("the service cannot be reached");
  }
}

/** What the service says is wrong. What stands between it and us, a proxy, may answer otherwise. */
async function reasonOf(answer) {
  const { message } = await answer.json().catch(() => ({}));
  return message ?? `the service cannot be reached: ${answer.status} ${answer.statusText}`;
}

// The public API, as this page asks it. The token is kept for as long as the tab is open.

const KEY = "token";

export class SignedOut extends Error {}

export function isSignedIn() {
  return sessionStorage.getItem(KEY) !== null;
}

export function signOut() {
  sessionStorage.removeItem(KEY);
}

/** Exchange an application's id and secret, or the code of a one-time link, for a token. */
export async function signIn(credentials) {
  const answer = await reach("/api/v1/token", { method: "POST", body: JSON.stringify(credentials) });
  if (!answer.ok) throw new Error(await reasonOf(answer));
  sessionStorage.setItem(KEY, (await answer.json()).accessToken);
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
  const token = sessionStorage.getItem(KEY);
  const answer = await reach(`${path}?${query}`, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
  if (answer.status === 401) {
    if (sessionStorage.getItem(KEY) === token) signOut(); // unless someone signed in while this was asked
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

// The documentation: Swagger UI, whose requests carry the token that this tab keeps.
"use strict";

import { SignedOut, ask, isSignedIn, keepToken, signInAsEither, signOut, token } from "./api.js";

const at = (id) => document.getElementById(id);

function start() {
  at("sign-in").addEventListener("submit", (event) => submit(event, signInAsEither));
  at("token").addEventListener("submit", (event) => submit(event, useToken));
  at("sign-out").addEventListener("click", () => { signOut(); tell("Signed out"); });
  tell(isSignedIn() ? "Signed in" : "Signed out");
  SwaggerUIBundle({
    url: "/openapi.json",
    domNode: at("docs"),
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: "none",
    plugins: [withoutOwnSignIn],
    requestInterceptor: withToken,
    responseInterceptor: heed,
  });
}

/** Swagger UI's own dialog would be a second place to sign in. */
function withoutOwnSignIn() {
  const nothing = () => () => null;
  return { wrapComponents: { authorizeBtn: nothing, authorizeOperationBtn: nothing } };
}

async function submit(event, signInBy) {
  event.preventDefault();
  try {
    await signInBy(Object.fromEntries(new FormData(event.target)));
    event.target.reset();
    tell("Signed in");
  } catch (error) {
    tell(error.message, true);
  }
}

/** A token is tried at once: it may be of another service, or over. */
async function useToken({ token: given }) {
  keepToken(given);
  try {
    await ask("/api/v1/authorization/permissions");
  } catch (error) {
    throw error instanceof SignedOut ? new Error("Signed out: the token is not good, or no longer") : error;
  }
}

function withToken(request) {
  const isOurs = new URL(request.url, location).origin === location.origin;
  if (isOurs && isSignedIn()) request.headers.Authorization ??= `Bearer ${token()}`;
  return request;
}

/** What an answer tells about who asks. */
function heed(answer) {
  if (answer.headers?.["x-auth-mode"] === "off") return tellOpen(answer);
  if (answer.status === 401 && isSignedIn()) {
    signOut();
    tell("Signed out: the token is not good, or no longer (401)", true);
  } else if (answer.status === 401) {
    tell("Signed out: sign in to ask that (401)", true);
  }
  return answer;
}

function tell(text, isProblem = false) {
  at("state").textContent = text;
  at("state").classList.toggle("problem", isProblem);
  for (const id of ["sign-in", "token"]) at(id).hidden = isSignedIn();
  at("sign-out").hidden = !isSignedIn();
}

function tellOpen(answer) {
  tell("Everyone may ask: nobody needs to sign in here");
  for (const id of ["sign-in", "token", "sign-out"]) at(id).hidden = true;
  return answer;
}

start();

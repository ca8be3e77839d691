// The theme is set before anything is drawn: as chosen last, else as the system has it.
"use strict";

document.documentElement.dataset.theme =
  localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

// Keeps the list of a page up to date: loads the page again when there is news, and replaces the list.
"use strict";
(() => {
  const list = document.querySelector("[data-live]");
  const button = document.querySelector("[data-pause]");
  const wait = 300; // milliseconds in which several pieces of news are one
  let isPaused = false;
  let timer = 0;

  async function load() {
    timer = 0;
    // Who works with the list keeps it as it is.
    if (isPaused || document.hidden || list.contains(document.activeElement)) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-live]");
      if (fresh) list.replaceChildren(...fresh.childNodes);
    } catch {
      // The emulator is away. The browser connects again by itself, and news follows.
    }
  }

  function note() {
    timer = timer || setTimeout(load, wait);
  }

  button.hidden = false;
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.setAttribute("aria-pressed", String(isPaused));
    if (!isPaused) note();
  });
  document.addEventListener("visibilitychange", note);
  if (list.dataset.stream) new EventSource(list.dataset.stream).addEventListener("message", note);
  if (list.dataset.seconds) setInterval(note, Number(list.dataset.seconds) * 1000);
})();

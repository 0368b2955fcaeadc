// The progress of a promotion, as the server sends it; without scripts, the page reloads itself.
"use strict";

const progress = document.querySelector("[data-progress]");
const spoken = document.querySelector("[data-spoken]");

function watch() {
  const source = new EventSource(progress.dataset.progress);
  source.addEventListener("progress", (event) => {
    progress.innerHTML = JSON.parse(event.data);
    const summary = progress.querySelector("[data-summary]").textContent;
    if (spoken.textContent !== summary) {
      spoken.textContent = summary;
    }
  });
  source.addEventListener("over", () => {
    source.close();
    location.replace(location.pathname);
  });
  source.addEventListener("error", () => {
    // The browser connects again by itself, unless the answer was no stream.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(watch, 2000);
    }
  });
}

if (progress) {
  watch();
}

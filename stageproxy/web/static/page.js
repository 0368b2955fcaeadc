// What a page can do with scripts, and reads as well without: copying commands.
"use strict";

const addCopyButtons = (within) => {
  for (const command of within.querySelectorAll(".command:not(:has(.copy))")) {
    const text = command.querySelector("pre");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${command.querySelector(".name").textContent}`);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      } catch {
        // Without TLS, browsers do not let pages write to the clipboard.
        getSelection().selectAllChildren(text);
        button.textContent = "Selected";
      }
    });
    command.append(button);
  }
};

addCopyButtons(document);

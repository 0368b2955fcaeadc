// What a page can do with scripts, and reads as well without: copying commands.
"use strict";

for (const command of document.querySelectorAll(".command")) {
  const text = command.querySelector("pre");
  const button = document.createElement("button");
  const name = command.querySelector(".name")?.textContent ?? "the command";
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${name}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text);
      button.textContent = "Selected";
    }
  });
  command.append(button);
}

// The stage page: pasted hashes are compared here, and parts reload while they change.
"use strict";

// Pasted lines beside the manifest. The rules for odd lines are the server's; this knows lines
// with a hash and a name, and a name on the line above its hash.
const HASH = /(?<![0-9A-Za-z])[0-9A-Fa-f]{64}(?![0-9A-Za-z])/g;
const NAME = /(?<![\w.+-])\w[\w.+!-]{0,250}?\.(?:whl|tar\.gz|zip)(?![\w-]|\.\w)/g;
const MARKS = {
  same: ["good", "dot", "The same"],
  other: ["bad", "cross", "Another hash"],
  foreign: ["warn", "triangle", "Not in the stage"],
  extra: ["bad", "cross", "Not in the stage"],
  missing: ["warn", "triangle", "Not confirmed"],
};
const releaseOf = (name) => name.replace(/\.(tar\.gz|zip)$/, "").match(/^.+?-[^-]+/)?.[0].toLowerCase();

const stagedFiles = () => {
  const lines = document.getElementById("manifest-lines").textContent.trim().split("\n");
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
};

const judge = (line, above, staged) => {
  const hashes = (line.match(HASH) ?? []).map((one) => one.toLowerCase());
  const names = line.match(NAME) ?? (hashes.length ? above : []);
  if (!hashes.length || !names.length) return null;
  const known = names.find((one) => staged.has(one));
  if (known) return [hashes.includes(staged.get(known)) ? "same" : "other", known];
  const isOfRelease = [...staged.keys()].some((one) => releaseOf(one) === releaseOf(names[0]));
  return [isOfRelease ? "extra" : "foreign", names[0]];
};

const compare = (text, staged) => {
  const marks = [];
  let above = [];
  let ignored = 0;
  for (const line of text.split(/\r?\n/)) {
    const judged = judge(line, above, staged);
    if (judged) marks.push([judged[0], line.trim(), judged[1]]);
    else if (line.trim()) ignored += 1;
    if (line.trim()) above = line.match(NAME) ?? [];
  }
  const named = new Set(marks.map(([, , name]) => name));
  const missing = [...staged.keys()].filter((one) => !named.has(one)).sort();
  return { marks: [...marks, ...missing.map((one) => ["missing", one, one])], ignored };
};

const element = (name, className, ...children) => {
  const one = document.createElement(name);
  one.className = className;
  one.append(...children);
  return one;
};

const shapeOf = (id) => {
  const svg = document.querySelector("svg.shape").cloneNode(true);
  svg.firstElementChild.setAttribute("href", `#${id}`);
  return svg;
};

const rowOf = ([mark, text]) => {
  const [tone, shape, word] = MARKS[mark];
  return element("li", tone, shapeOf(shape), " ", element("strong", "", word), " ", element("code", "", text));
};

const showComparison = (form, result) => {
  const text = form.elements.pasted.value;
  if (!text.trim()) return result.replaceChildren();
  const { marks, ignored } = compare(text, stagedFiles());
  const isComplete = marks.every(([mark]) => mark === "same" || mark === "foreign");
  const sentence = isComplete
    ? "Every file of the stage is in these lines, with its hash."
    : "These lines are not the files of the stage.";
  result.replaceChildren(
    element("p", `notice ${isComplete ? "good" : "bad"}`, element("strong", "", sentence)),
    element("ul", "marks", ...marks.map(rowOf)),
  );
  if (ignored) result.append(element("p", "small soft", `${ignored} other ${ignored === 1 ? "line was" : "lines were"} ignored.`));
};

const form = document.querySelector("[data-compare]");
if (form) {
  const result = document.getElementById("compare-result");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    showComparison(form, result);
  });
  form.elements.pasted.addEventListener("input", () => showComparison(form, result));
}

// Parts that change are loaded again until nothing is running. What is folded out stays so.
const QUICK = 1500;
const SLOW = 10_000;
const key = (one) => one.querySelector("summary")?.textContent;

const replacePart = (old, fresh) => {
  const open = new Set([...old.querySelectorAll("details[open]")].map(key));
  for (const one of fresh.querySelectorAll("details")) one.open ||= open.has(key(one));
  old.replaceWith(fresh);
  addCopyButtons(fresh);
};

const reload = async () => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return location.reload();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(old.id);
    const isUsed = old.contains(document.activeElement) && document.activeElement !== document.body;
    if (fresh && !isUsed && fresh.innerHTML !== old.dataset.shown) {
      const shown = fresh.innerHTML;
      if (shown !== old.innerHTML) replacePart(old, fresh);
      fresh.dataset.shown = shown;
    }
  }
  return Boolean(page.querySelector("[data-running]"));
};

const keepReloading = async (pause) => {
  await new Promise((resolve) => setTimeout(resolve, pause));
  const isRunning = document.hidden ? true : await reload().catch(() => true);
  if (isRunning) keepReloading(Math.min(SLOW, pause * 1.2));
};

if (document.querySelector("[data-running]")) keepReloading(QUICK);

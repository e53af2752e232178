"use strict";
// Making elements. Text is only ever set as text: nothing that anybody wrote is read as markup.

/** An element: `el("p.note", {title: "…"}, "text", otherElement)`. Attributes that are null or false are left out; `on…` are listeners. */
function el(name, attributes, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function svg(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const byId = (id) => document.getElementById(id);

/** Characters that cannot be seen, or turn around those beside them. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** Text from elsewhere, isolated from what is beside it, with hidden characters shown by their numbers; in an element as `el` makes it. */
function foreign(text, name = "bdi") {
  const node = el(name);
  let end = 0;
  for (const found of String(text).matchAll(HIDDEN)) {
    const number = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    node.append(text.slice(end, found.index), el("span.hidden-character", { title: "a hidden character" }, `U+${number}`));
    end = found.index + found[0].length;
  }
  node.append(String(text).slice(end));
  return node;
}

const ICONS = {
  play: "M4 2.5v11l9.5-5.5z",
  pause: "M4 2.5h3v11H4zM9.5 2.5h3v11h-3z",
};

function icon(name) {
  return svg("svg", { viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

/** Says something to whoever looks and to whoever listens. */
function say(text, trouble = false) {
  const node = byId("said");
  node.replaceChildren(foreign(text));
  node.classList.toggle("trouble", trouble);
  node.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => node.classList.remove("shown"), trouble ? 8000 : 3500);
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    say("The browser does not let this page copy. Select the text instead.", true);
  }
}

"use strict";

/* Bodies, laid out for reading. Every token stands as it was sent: no number is parsed, no string is
   decoded. What is neither JSON nor XML, or is cut in the middle, is laid out as far as it goes. */

/* Make an element; strings become text nodes, never markup. */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function jsonClass(token, next) {
  if (token[0] === '"') return next === ":" ? "key" : "string";
  return /^[\w.+-]+$/.test(token) ? "literal" : null;
}

/* Give [class or null, text] pairs of a JSON text, indented. */
function layOutJson(text) {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s"{}[\],:]+/g) ?? [];
  const pairs = [];
  let depth = 0;
  const line = () => pairs.push([null, "\n" + "  ".repeat(Math.min(depth, 60))]);
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (token === "}" || token === "]") {
      depth = Math.max(depth - 1, 0);
      if (!"{[".includes(tokens[index - 1] ?? " ")) line();
    }
    pairs.push([jsonClass(token, next), token === ":" ? ": " : token]);
    if (token === "{" || token === "[") {
      depth += 1;
      if (next !== "}" && next !== "]") line();
    }
    if (token === ",") line();
  });
  return pairs;
}

/* The same of an XML text: an element a line, text beside its tags where it stands alone. */
function layOutXml(text) {
  const tokens = (text.match(/<!--[^]*?-->|<[^>]*>?|[^<]+/g) ?? []).filter((each) => each.trim());
  const pairs = [];
  let depth = 0;
  let beside = true;
  for (const token of tokens) {
    const closes = token.startsWith("</");
    const isText = token[0] !== "<";
    if (closes) depth = Math.max(depth - 1, 0);
    if (!beside && !isText) pairs.push([null, "\n" + "  ".repeat(Math.min(depth, 60))]);
    pairs.push([isText ? "string" : "key", isText ? token.trim() : token]);
    if (!isText && !closes && !/^<[?!]|\/>$/.test(token)) depth += 1;
    beside = isText;
  }
  return pairs;
}

function layOut(text) {
  const start = text.trimStart()[0];
  if (start === "{" || start === "[") return layOutJson(text);
  return start === "<" ? layOutXml(text) : [[null, text]];
}

function fill(pre, pairs) {
  pre.replaceChildren(...pairs.map(([name, text]) => (name ? make("span", { class: name }, text) : text)));
}

/* Show a body of the detail, with its size and a switch between laid out and as sent. */
function bodyView(body, title) {
  const pre = make("pre", { tabindex: "0", "aria-label": title });
  fill(pre, layOut(body.text));
  const size = `${body.size_bytes.toLocaleString("en")} bytes`;
  const raw = make("button", { type: "button", "aria-pressed": "false" }, "as sent");
  raw.addEventListener("click", () => {
    const pressed = raw.getAttribute("aria-pressed") !== "true";
    raw.setAttribute("aria-pressed", String(pressed));
    raw.textContent = pressed ? "laid out" : "as sent";
    fill(pre, pressed ? [[null, body.text]] : layOut(body.text));
  });
  const note = body.cut ? `${size}, of which the beginning is shown ` : `${size} `;
  return make("div", null, make("p", { class: "size" }, note, raw), pre);
}

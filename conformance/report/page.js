
/* The list: what is shown of it, and when which part is unpacked. */

const RANK = ["pass", "skip", "warning", "fail", "error"];
const AT_ONCE = 100;
const REASONS = 12;
const form = document.getElementById("filter");
const details = new Map();
let scripts = [];
let reason = null;
let limit = AT_ONCE;

async function unpack(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (each) => each.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function detailOf(script) {
  if (!details.has(script.number)) details.set(script.number, unpack(`detail-${script.number}`));
  return details.get(script.number);
}

/* Messages that differ in ids, long numbers and long quoted values only have one reason. */
function reasonOf(message) {
  return message.replace(/(["'])[^"']{20,}\1/g, "“…”").replace(/[0-9a-f-]{8,}|\d{4,}/g, "#").slice(0, 200);
}

function wanted() {
  const data = new FormData(form);
  return { text: data.get("text").trim().toLowerCase(), suite: data.get("suite"),
    verdicts: new Set(data.getAll("verdict")) };
}

function matches(script, test, filter) {
  if (!filter.verdicts.has(test.verdict)) return false;
  if (reason !== null && reasonOf(test.message) !== reason) return false;
  return filter.text === "" || `${script.haystack}\n${test.haystack}`.includes(filter.text);
}

function chosen(filter) {
  const found = [];
  for (const script of scripts) {
    if (filter.suite && script.suite !== filter.suite) continue;
    const tests = script.tests.filter((test) => test.counted && matches(script, test, filter));
    if (tests.length) found.push([script, tests]);
  }
  return found;
}

function draw() {
  const found = chosen(wanted());
  const list = document.getElementById("scripts");
  list.replaceChildren(...found.slice(0, limit).map(([script, tests]) => scriptView(script, tests)));
  const count = found.reduce((sum, [, tests]) => sum + tests.length, 0);
  form.elements.found.value = `${count.toLocaleString("en")} tests in ${found.length.toLocaleString("en")} scripts`;
  more(document.getElementById("more"), found.length - limit, "scripts", () => { limit += AT_ONCE; draw(); });
  const button = document.getElementById("reason");
  button.hidden = reason === null;
  button.textContent = `one reason only ✕`;
}

function more(button, left, noun, act) {
  button.hidden = left <= 0;
  button.textContent = `Show more (${left.toLocaleString("en")} ${noun} left)`;
  button.onclick = act;
}

function scriptView(script, tests) {
  const ordered = [...tests].sort((one, other) => RANK.indexOf(other.verdict) - RANK.indexOf(one.verdict));
  const first = ordered.find((test) => test.message);
  const rest = ordered.filter((test) => test.message).length - 1;
  const shown = tests.filter((test) => test.counted).length;
  const seconds = (script.duration_ms / 1000).toFixed(1);
  const why = first ? first.message + (rest > 0 ? ` – and ${rest} more` : "") : null;
  const summary = make("summary", null, verdictMark(script.verdict), `${script.suite} / ${script.source || script.name} `,
    make("span", { class: "faint" }, `${shown} of ${script.counted} tests, ${seconds} s`),
    why ? make("span", { class: "why" }, why) : null);
  const view = make("details", { class: "script", id: script.id }, summary);
  view.addEventListener("toggle", () => {
    if (view.open && view.childElementCount === 1) view.append(scriptBody(script, tests));
  });
  return view;
}

function scriptBody(script, tests) {
  const inside = make("div", { class: "inside" });
  const names = [script.name === script.source ? "" : script.name, script.url, script.base];
  inside.append(make("p", { class: "faint" }, names.filter(Boolean).join(" · ")));
  const list = make("div", null);
  const others = make("button", { type: "button" });
  const show = (these, count) => {
    list.replaceChildren(...these.slice(0, count).map((test) => testView(script, test)));
    if (these.length > count) return more(others, these.length - count, "tests", () => show(these, count + AT_ONCE));
    const hidden = script.tests.length - these.length;
    others.hidden = hidden === 0;
    others.textContent = `Show the whole script (${hidden} more)`;
    others.onclick = () => show(script.tests, Math.max(count, AT_ONCE));
  };
  show(tests, AT_ONCE);
  inside.append(list, others);
  return inside;
}

function testView(script, test) {
  const summary = make("summary", null, verdictMark(test.verdict), test.name,
    test.message ? make("span", { class: "why" }, test.message) : null);
  const view = make("details", { class: "test", id: `${script.id}/${test.number}` }, summary);
  view.addEventListener("toggle", async () => {
    if (!view.open || view.childElementCount > 1) return;
    const link = make("a", { href: `#${view.id}`, class: "faint" }, "link to this test");
    view.append(make("p", null, link));
    const detail = await detailOf(script);
    view.append(testBody(test, detail.tests[test.number] ?? [], detail.bodies));
  });
  return view;
}

/* Open the test, or the script, that the address names. */
function follow() {
  const [id, number] = location.hash.slice(1).split("/");
  const script = scripts.find((each) => each.id === id);
  if (!script) return;
  document.getElementById(script.id)?.remove();
  const view = scriptView(script, script.tests);
  document.getElementById("scripts").prepend(view);
  view.open = true;
  view.append(scriptBody(script, number === undefined ? script.tests : [script.tests[number]].filter(Boolean)));
  const test = number === undefined ? null : view.querySelector(".test");
  if (test) test.open = true;
  (test ?? view).scrollIntoView();
}

function drawReasons() {
  const groups = new Map();
  for (const test of scripts.flatMap((script) => script.tests)) {
    if (!test.counted || (test.verdict !== "fail" && test.verdict !== "error")) continue;
    const key = reasonOf(test.message);
    const group = groups.get(key) ?? { key, message: test.message || "no reason given", count: 0 };
    group.count += 1;
    groups.set(key, group);
  }
  const largest = [...groups.values()].sort((one, other) => other.count - one.count).slice(0, REASONS);
  const items = largest.map((group) => {
    const button = make("button", { type: "button" }, make("b", null, String(group.count)), make("span", null, group.message));
    button.addEventListener("click", () => { choose("", ["fail", "error"], group.key); form.scrollIntoView(); });
    return make("li", null, button);
  });
  document.getElementById("reasons").hidden = items.length === 0;
  document.querySelector(".reasons").replaceChildren(...items);
}

function choose(suite, verdicts, key = null) {
  form.elements.suite.value = suite;
  form.elements.text.value = "";
  for (const box of form.querySelectorAll("[name=verdict]")) box.checked = verdicts.includes(box.value);
  reason = key;
  changed();
}

function changed() {
  limit = AT_ONCE;
  draw();
}

function listen() {
  let waiting = 0;
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(changed, 120); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); choose("", RANK); });
  document.getElementById("reason").addEventListener("click", () => { reason = null; changed(); });
  for (const button of document.querySelectorAll("[data-suite]")) {
    button.addEventListener("click", () => { choose(button.dataset.suite, RANK); form.scrollIntoView(); });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input, select")) return;
    event.preventDefault();
    form.elements.text.focus();
  });
  addEventListener("hashchange", follow);
}

async function start() {
  scripts = await unpack("index");
  scripts.forEach((script, number) => {
    script.number = number;
    script.haystack = [script.suite, script.source, script.name, script.url].join("\n").toLowerCase();
    script.tests.forEach((test, place) => {
      test.number = place;
      test.haystack = [test.name, test.message, ...test.requirements].join("\n").toLowerCase();
    });
    script.counted = script.tests.filter((test) => test.counted).length;
  });
  const suites = [...new Set(scripts.map((script) => script.suite))];
  form.elements.suite.append(...suites.map((suite) => make("option", { value: suite }, suite)));
  scripts.sort((one, other) => RANK.indexOf(other.verdict) - RANK.indexOf(one.verdict));
  listen();
  drawReasons();
  const wrong = scripts.some((script) => script.tests.some((test) => test.counted && RANK.indexOf(test.verdict) > 2));
  choose("", wrong ? ["fail", "error"] : RANK);
  follow();
}

start().catch((error) => {
  const trouble = document.getElementById("trouble");
  trouble.textContent = `This page cannot be unpacked here (${error.message}); a current browser can.`;
  trouble.hidden = false;
});

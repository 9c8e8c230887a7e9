
/* One test, opened: its actions, and what each request and its answer held. */

function verdictMark(verdict) {
  return make("span", { class: `verdict ${verdict}` }, verdict);
}

function headersView(headers) {
  const rows = headers.map(([name, value]) =>
    make("tr", null, make("th", { scope: "row" }, name), make("td", null, value)));
  return make("table", { class: "headers" }, make("tbody", null, ...rows));
}

function halfView(title, headers, body) {
  return [make("h4", null, title), headersView(headers), body ? bodyView(body, title) : null];
}

/* The request as a command for a shell; headers that were hidden are left out. */
function asCurl(exchange, bodies) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const words = ["curl", "-g", "-i", "-X", quoted(exchange.method)];
  for (const [name, value] of exchange.request_headers) {
    if (value !== "(hidden)") words.push("-H", quoted(`${name}: ${value}`));
  }
  const body = bodies[exchange.request_body];
  if (body) words.push("--data-raw", quoted(body.text));
  return [...words, quoted(exchange.url)].join(" ");
}

function curlView(exchange, bodies) {
  if (bodies[exchange.request_body]?.cut) return null;
  const command = make("pre", { tabindex: "0" }, asCurl(exchange, bodies));
  return make("details", null, make("summary", null, "as a curl command"), command);
}

function exchangeView(exchange, bodies, open) {
  const answer = exchange.failure ?? exchange.status;
  const line = `${exchange.method} ${exchange.url} → ${answer}, ${exchange.duration_ms} ms`;
  const view = make("details", { class: "exchange" }, make("summary", null, line));
  const render = () => {
    if (!view.open || view.childElementCount > 1) return;
    view.append(...[
      ...halfView("Request", exchange.request_headers, bodies[exchange.request_body]),
      ...halfView(`Answer: ${answer}`, exchange.response_headers, bodies[exchange.response_body]),
      curlView(exchange, bodies),
    ].filter((each) => each !== null));
  };
  view.addEventListener("toggle", render);
  view.open = open;
  render();
  return view;
}

/* Which exchanges stand open: those that an assert or the operation itself found fault with. */
function faulty(actions) {
  const places = new Set();
  let latest = null;
  actions.forEach((action, place) => {
    if (action.exchange) latest = place;
    if (action.verdict === "fail" || action.verdict === "error") places.add(latest);
  });
  return places;
}

function actionsView(actions, bodies) {
  const open = faulty(actions);
  const items = actions.map((action, place) => {
    const words = [action.label, action.description].filter(Boolean).join(": ") || action.kind;
    return make("li", null,
      make("p", null, verdictMark(action.verdict), words),
      action.message ? make("p", { class: "why" }, action.message) : null,
      action.exchange ? exchangeView(action.exchange, bodies, open.has(place)) : null);
  });
  return make("ol", { class: "actions" }, ...items);
}

/* Requirements are ids or addresses; only addresses of the web become links. */
function requirementView(text) {
  if (!/^https?:\/\//.test(text)) return make("span", { class: "requirement" }, text);
  const attributes = { class: "requirement", href: text, rel: "noopener noreferrer" };
  return make("a", attributes, text.replace(/^https?:\/\//, ""));
}

function testBody(test, actions, bodies) {
  const description = test.description && test.description !== test.name ? test.description : null;
  return make("div", { class: "inside" },
    description ? make("p", { class: "faint" }, description) : null,
    make("p", null, ...test.requirements.map(requirementView)),
    actions.length ? actionsView(actions, bodies) : make("p", { class: "faint" }, "Nothing was sent."));
}

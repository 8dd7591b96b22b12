// Behaviour of all pages: calls of the API, dialogs, keys, and fetching the page again when something has changed.
const content = () => document.getElementById("content");
const texts = document.body.dataset;

// --- Calls: a button with data-call sends that call of the API, by the session of this page.

export async function request(method, path, body) {
  const headers = { "X-Darkroom-Token": texts.token };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(`/dashboard/api${path}`, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.status === 401) location.assign("/dashboard/login");
  if (answer.ok) return answer;
  const value = await read(answer);
  throw Object.assign(new Error(value.detail ?? String(value).slice(0, 300)), { fields: value.errors ?? [] });
}

function read(answer) {
  return (answer.headers.get("Content-Type") ?? "").includes("json") ? answer.json() : answer.text();
}

export async function call(method, path, body) { return read(await request(method, path, body)); }

async function press(button) {
  const [method, path] = button.dataset.call.split(" ");
  let body = button.dataset.body ? JSON.parse(button.dataset.body) : undefined;
  if (button.form && button.dataset.fields) {
    if (!button.form.reportValidity()) return;
    body = { ...body, ...fields(button.form) };
  }
  if (button.dataset.confirm && !(await confirmed(button.dataset.confirm, button.textContent.trim()))) return;
  button.disabled = true;
  if (button.form) refuse(button.form, []);
  try {
    const value = await call(method, path, body);
    if (button.form?.matches("[data-members], .pop-body")) button.form.reset();  // what it shows next is what was stored
    button.closest("details.pop")?.removeAttribute("open");
    const isFailure = Boolean(button.dataset.failed) && value?.outcome !== "success";
    const said = (isFailure ? button.dataset.failed : button.dataset.done) || texts.done;
    toast(said.replace(/\{(\w+)\}/g, (_, name) => value?.[name] ?? ""), isFailure);
    if (button.dataset.then) location.assign(button.dataset.then.replace("{id}", encodeURIComponent(value.id ?? "")));
    else refresh();
    button.dispatchEvent(new CustomEvent("darkroom:done", { bubbles: true, detail: value }));
  } catch (error) {
    if (!button.form || !button.dataset.fields || !refuse(button.form, error.fields ?? [])) toast(error.message, true);
  } finally {
    button.disabled = false;
  }
}

function valueOf(text, about) {
  if ("number" in about) return Number(text);
  if ("moment" in about) return new Date(text).toISOString();
  if ("json" in about) return JSON.parse(text);
  return "lines" in about ? text.split(/\r?\n/).filter((line) => line.trim()) : text;
}

// Members that a form has filled: "budget.amount" is a member of a member, "windows.0.from" one of a list's.
// data-number: a number; data-moment: a local time; data-lines: a list; data-json: any value; data-needs: only if
// another is filled. A form's data-members are null without any field that is filled.
export function fields(form) {
  const found = {};
  for (const name of (form.dataset.members ?? "").split(" ").filter(Boolean)) found[name] = null;
  for (const [name, value] of new FormData(form)) {
    if (value === "" || value instanceof File) continue;
    const input = form.elements[name], about = input.dataset ?? {};
    if (about.needs && !form.elements[about.needs]?.value) continue;
    const path = name.split("."), last = path.pop();
    const owner = path.reduce((each, part) => (each[part] ??= {}), found);
    if (input instanceof RadioNodeList && input[0].type === "checkbox") (owner[last] ??= []).push(value);
    else owner[last] = valueOf(value, about);
  }
  for (const [name, value] of Object.entries(found)) {
    if (value instanceof Object && Object.keys(value).length && Object.keys(value).every((key) => /^\d+$/.test(key))) found[name] = Object.values(value);
  }
  return found;
}

// --- Refused fields: the message stands below its field, also after the page has fetched itself again.

const refused = new Map();

function fieldOf(form, path) {
  const [list, number, ...rest] = path.split(".");
  if (/^\d+$/.test(number ?? "")) {  // of those that were sent
    const filled = [...form.querySelectorAll(`[data-each="${CSS.escape(list)}"]`)].filter(
      (each) => [...each.querySelectorAll("input, select")].some((input) => (input.type === "checkbox" ? input.checked : input.value)));
    const inputs = [...(filled[Number(number)]?.querySelectorAll("[name]") ?? [])];
    return inputs.find((each) => each.name.endsWith(`.${rest.join(".")}`)) ?? inputs[0];
  }
  for (const parts = path.split("."); parts.length; parts.pop()) {
    const name = parts.join(".");
    const found = [...form.elements].find((each) => each.name === name || each.name?.startsWith(`${name}.`));
    if (found) return found;
  }
}

// Show the errors of a form, and return whether each has a field.
function refuse(form, errors) {
  if (form.id) refused.set(form.id, errors);
  form.querySelectorAll(".refusal").forEach((each) => each.remove());
  form.querySelectorAll("[aria-invalid]").forEach((each) => ["aria-invalid", "aria-describedby"].forEach((name) => each.removeAttribute(name)));
  let shown = 0;
  for (const { field, message } of errors) {
    const input = fieldOf(form, field);
    if (!input) continue;
    const note = document.createElement("span");
    note.className = "refusal";
    note.id = `${input.id || input.name}-refusal`;
    note.textContent = message;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", note.id);
    input.closest("label, .field, fieldset")?.append(note);
    if (!shown++ && document.activeElement !== input && !form.contains(document.activeElement)) input.focus();
  }
  return shown > 0 && shown === errors.length;
}
document.addEventListener("htmx:after:swap", () => {
  for (const [id, errors] of refused) if (errors.length && document.getElementById(id)) refuse(document.getElementById(id), errors);
});

export function toast(message, isError = false) {
  const shown = document.createElement("p");
  shown.className = isError ? "toast error" : "toast";
  shown.textContent = message;
  document.getElementById("toasts").append(shown);
  setTimeout(() => shown.remove(), isError ? 12000 : 4000);
}

export function confirmed(question, verb) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("p").textContent = question;
  dialog.querySelector("[value=yes]").textContent = verb;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const button = target?.closest("[data-call]");
  if (button) { event.preventDefault(); press(button); return; }
  const copy = target?.closest("[data-copy]");
  if (copy) {
    navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent.trim());
    toast(texts.copied);
    return;
  }
  const clear = target?.closest("[data-clear]");
  if (clear) {
    for (const input of clear.closest("fieldset").querySelectorAll("input")) input.type === "checkbox" ? input.checked = false : input.value = "";
    return;
  }
  const pop = document.querySelector("details.pop[open]");
  if (pop && target && !pop.contains(target)) pop.removeAttribute("open");
  const opener = target?.closest("[data-dialog]");
  if (opener) { document.getElementById(opener.dataset.dialog).showModal(); return; }
  if (target?.closest("#menu")) {
    const open = document.getElementById("side").classList.toggle("is-open");
    document.getElementById("menu").setAttribute("aria-expanded", String(open));
    return;
  }
  if (target?.closest("#theme")) return changeTheme();
  if (target?.closest("#zone")) return changeZone();
  const inner = target?.closest("a[data-inner]");
  if (inner && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); visit(inner.href); }
});

function changeTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem("darkroom-theme", next);
}

// --- Times are relative; the time under the pointer is in UTC, or by this browser's clock and zone.

const ZONE = "darkroom-zone";
function showZone() {
  const local = localStorage.getItem(ZONE) === "local";
  document.getElementById("zone")?.setAttribute("aria-pressed", String(!local));
  for (const each of document.querySelectorAll("time[datetime]")) {
    each.dataset.utc ??= each.title;
    each.title = local ? new Date(each.dateTime).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "long" }) : each.dataset.utc;
  }
}
function changeZone() {
  localStorage.setItem(ZONE, localStorage.getItem(ZONE) === "local" ? "utc" : "local");
  showZone();
}
function fillMoments() {  // data-at: the stored time, which such a field shows by this browser's clock
  for (const input of document.querySelectorAll("input[data-moment][data-at]")) {
    const at = new Date(input.dataset.at), untouched = input.value === input.defaultValue;
    input.defaultValue = new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
    if (untouched) input.value = input.defaultValue;
  }
}
for (const each of [showZone, fillMoments]) {
  document.addEventListener("htmx:after:swap", each);
  each();
}

// --- Navigation within a page: filters and pages of a list are in the address.

export async function visit(href, { push = true } = {}) {
  const url = new URL(href, location.href);
  await window.htmx.ajax("GET", url.pathname + url.search, { target: "#content", swap: "outerMorph" });
  if (push) history.pushState(null, "", url);
}

addEventListener("popstate", () => visit(location.href, { push: false }));

function submitFilter(form) {
  const url = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value !== "") url.searchParams.append(name, value);
  visit(url.href);
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-filter]");
  if (form) submitFilter(form);
});
document.addEventListener("submit", (event) => {
  if (event.target.matches("form[data-filter]")) { event.preventDefault(); submitFilter(event.target); }
});

// --- Live: one stream names what has changed; the page fetches itself once a second at most.

const PAUSE = 1000, STALE = 5000, RETRY = 12000;
let lastTry = 0, lastFetch = 0, timer = 0, lastAlive = Date.now(), asOf = "", fetching = false;

export function refresh() {
  if (timer || document.hidden) return;
  timer = setTimeout(async () => {
    timer = 0;
    if (fetching || document.querySelector("dialog[open]")) return refresh();
    fetching = true;
    lastFetch = Date.now();
    try {
      await window.htmx.ajax("GET", location.pathname + location.search, { target: "#content", swap: "outerMorph" });
    } finally { fetching = false; }
  }, Math.max(0, lastFetch + PAUSE - Date.now()));
}

let live = document.getElementById("live");
function listen() {
  live.addEventListener("changed", (event) => {
    const shown = (content().dataset.live ?? "").split(" ");
    if (event.detail.data.split(" ").some((topic) => shown.includes(topic))) refresh();
  });
  live.addEventListener("alive", (event) => {
    const wasStale = fresh.dataset.state === "stale";
    lastAlive = Date.now();
    asOf = event.detail.data;
    say("live", texts.liveText);
    fresh.dataset.asOf = asOf;
    if (wasStale) refresh();
  });
}

// The extension connects again after a stream that broke, not after one that never began.
function reconnect() {
  const next = document.createElement("div");
  next.id = "live";
  next.hidden = true;
  next.setAttribute("hx-sse:connect", live.getAttribute("hx-sse:connect"));
  live.replaceWith(next);
  live = next;
  listen();
  window.htmx.process(next);
}

const fresh = document.getElementById("fresh");
function say(state, text) {
  if (!fresh || (fresh.dataset.state === state && fresh.textContent === text)) return;
  fresh.dataset.state = state;
  fresh.textContent = text;
  const banner = document.getElementById("stale");
  banner.hidden = state !== "stale";
  banner.textContent = state === "stale" ? text : "";
}
if (live) {
  listen();
  setInterval(() => {
    if (document.hidden) return;
    if (Date.now() - lastAlive > STALE) {
      if (Date.now() - Math.max(lastAlive, lastTry) > RETRY) { lastTry = Date.now(); reconnect(); }
      const time = asOf ? new Date(asOf).toLocaleTimeString(document.documentElement.lang) : "–";
      say("stale", texts.staleText.replace("{time}", time));
    }
  }, 500);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) say("paused", texts.pausedText);
    else { lastAlive = Date.now(); refresh(); }
  });
}

if (/^#[\w-]+$/.test(location.hash)) {  // an address may name what is to be open
  const named = document.querySelector(`details${location.hash}`);
  if (named) { named.open = true; named.scrollIntoView(); named.querySelector("textarea, input")?.focus(); }
}

// --- Keys. A page adds its own by registerKeys; "?" shows all.

const keys = new Map();
export function registerKeys(map) { for (const [key, act] of Object.entries(map)) keys.set(key, act); }
let prefix = "";

function rows() { return [...content().querySelectorAll("tr[data-row], li[data-row]")]; }
let current = "";
document.addEventListener("htmx:after:swap", () => {  // the new page does not know which row is the current one
  if (current) document.getElementById(current)?.classList.add("is-current");
});
function move(step) {
  const all = rows();
  const at = all.findIndex((row) => row.classList.contains("is-current"));
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  if (!next) return;
  all[at]?.classList.remove("is-current");
  next.classList.add("is-current");
  current = next.id;
  next.scrollIntoView({ block: "nearest" });
  next.querySelector("a")?.focus({ preventScroll: true });
}

registerKeys({
  "/": () => document.querySelector("[data-search]")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  "?": () => document.getElementById("keys").showModal(),
  "g o": () => location.assign("/dashboard"),
  "g j": () => location.assign("/dashboard/jobs"),
  "g b": () => location.assign("/dashboard/campaigns"),
  "g c": () => location.assign("/dashboard/channels"),
  "g e": () => location.assign("/dashboard/errors"),
});

// --- Palette: Ctrl-K or Cmd-K lists the pages and the buttons of this one; an id that is pasted is opened.

const PLACES = { job_: "/dashboard/jobs/", action_: "/dashboard/actions/", camp_: "/dashboard/campaigns/" };
const palette = document.getElementById("palette");

function choices(words) {
  const place = Object.keys(PLACES).find((each) => words.startsWith(each));
  if (place) return [{ text: words, act: () => location.assign(PLACES[place] + encodeURIComponent(words)) }];
  const found = document.querySelectorAll(".nav a, .tabs a, #content [data-call]");
  const all = [...found].map((each) => ({ text: each.textContent.trim().replace(/\s+/g, " "), act: () => each.click() }));
  return all.filter(({ text }) => text.toLowerCase().includes(words.toLowerCase())).slice(0, 12);
}
function list() {
  const shown = choices(palette.querySelector("input").value.trim());
  palette.querySelector("ul").replaceChildren(...shown.map(({ text, act }) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", () => { palette.close(); act(); });
    item.append(button);
    return item;
  }));
}
palette?.addEventListener("input", list);
palette?.addEventListener("keydown", (event) => {
  const all = [...palette.querySelectorAll("li button")], at = all.indexOf(document.activeElement);
  if (event.key === "ArrowDown") (all[at + 1] ?? all[0])?.focus();
  else if (event.key === "ArrowUp") (all[at - 1] ?? palette.querySelector("input")).focus();
  else if (event.key === "Enter" && at < 0) all[0]?.click();
  else return;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || !palette) return;
  event.preventDefault();
  if (document.querySelector("dialog[open]")) return;
  palette.querySelector("input").value = "";
  list();
  palette.showModal();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]")) return;
  if ((event.key === "Enter" || event.key === " ") && event.target.closest("a, button, summary")) return;
  const key = prefix + event.key;
  prefix = "";
  const act = keys.get(key);
  if (act) { event.preventDefault(); act(event); }
  else if (event.key === "g") prefix = "g ";
});

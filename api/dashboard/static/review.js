// Review of a campaign: verdicts by keys, on a grid or one by one. Keys set a verdict, none of them toggles it.
import { call, registerKeys, toast } from "./dashboard.js";

const root = document.getElementById("review");
const t = (name) => root.dataset[`text${name[0].toUpperCase()}${name.slice(1)}`];
const at = root.dataset.call, may = root.dataset.may === "yes", isGrid = root.dataset.view === "grid";
const byId = (id) => document.getElementById(id);
const pathOf = (url) => new URL(url, location.href).pathname;
const STATES = { pick: "approved", reject: "rejected", none: "made" };
const counts = { judged: read("judged"), pictures: read("pictures") };

function read(name) { return Number(document.querySelector(`[data-count="${name}"]`).textContent.replace(/\D/g, "")); }
function write(name, value) {
  for (const each of document.querySelectorAll(`[data-count="${name}"]`)) each.textContent = value.toLocaleString(document.documentElement.lang);
}
function tally(before, after) {
  const judged = (state) => state === "approved" || state === "rejected";
  counts.judged += Number(judged(after)) - Number(judged(before));
  write("judged", counts.judged);
}
function element(tag, attributes = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

// --- Calls go out one after the other, so that an undo always means the verdict before it.

let sending = Promise.resolve();
function send(method, path, body) {
  const sent = sending.then(() => call(method, at + path, body));
  sending = sent.catch(() => {});
  return sent;
}
const verdict = (items, word, reason) =>
  send("POST", "/verdicts", { items, verdict: word, ...(reason ? { reason } : {}) });
const itemOf = async (id, key) =>
  (await call("GET", `${at}/items/${encodeURIComponent(key)}`)).data.find((each) => each.id === id);

function stamp(node, word, reason = "") {
  node.textContent = word ? [t(word), reason].filter(Boolean).join(": ") : "";
  node.dataset.verdict = word;
}

// --- Grid: one figure is current; a verdict is about the marked ones, or about it.

const grid = {
  undo: [],
  figures: () => [...document.querySelectorAll(".shot")],
  current() { return document.querySelector(".shot.is-current"); },
  chosen() {
    const marked = [...document.querySelectorAll(".shot.is-marked")];
    return marked.length ? marked : [this.current()].filter(Boolean);
  },
  show(figure) {
    if (!figure) return;
    this.current()?.classList.remove("is-current");
    figure.classList.add("is-current");
    figure.focus({ preventScroll: true });
    figure.scrollIntoView({ block: "nearest" });
    loupe.follow(figure);
  },
  step(by) {
    const all = this.figures(), here = all.indexOf(this.current());
    const next = all[Math.max(here + by, 0)];
    if (next) this.show(next);
    else if (by > 0) byId("following")?.click();
  },
  line(by) {
    const here = this.current();
    if (!here) return this.step(1);
    const box = here.getBoundingClientRect(), middle = box.left + box.width / 2;
    const others = this.figures().map((each) => [each, each.getBoundingClientRect()])
      .filter(([, other]) => (by > 0 ? other.top > box.top + 4 : other.top < box.top - 4));
    const row = by > 0 ? Math.min(...others.map(([, other]) => other.top)) : Math.max(...others.map(([, other]) => other.top));
    const nearest = others.filter(([, other]) => Math.abs(other.top - row) < 4)
      .sort(([, a], [, b]) => Math.abs(a.left + a.width / 2 - middle) - Math.abs(b.left + b.width / 2 - middle))[0];
    if (nearest) this.show(nearest[0]);
  },
  next() {
    const all = this.figures(), here = all.indexOf(this.current());
    const next = [...all.slice(here + 1), ...all.slice(0, here + 1)].find((each) => each.dataset.state === "made");
    if (next) this.show(next);
    else if (byId("following")) byId("following").click();
    else toast(t("done"));
  },
  advance() {
    if (root.dataset.list === "unjudged") return this.next();
    const all = this.figures();
    this.show(all[all.indexOf(this.current()) + 1]);
  },
  mark() {
    this.current()?.classList.toggle("is-marked");
    this.tellMarked();
  },
  clear() {
    for (const each of document.querySelectorAll(".shot.is-marked")) each.classList.remove("is-marked");
    this.tellMarked();
  },
  tellMarked() {
    const marked = document.querySelectorAll(".shot.is-marked").length;
    byId("marked").hidden = !marked;
    write("marked", marked);
  },
  set(figure, state) {
    tally(figure.dataset.state, state);
    figure.dataset.state = state;
  },
  async decide(word, reason) {
    const chosen = this.chosen().filter((each) => ["made", "approved", "rejected"].includes(each.dataset.state));
    if (!chosen.length) return;
    const before = chosen.map((each) => [each, each.dataset.state]);
    const several = chosen.length > 1;
    for (const each of chosen) this.set(each, STATES[word]);
    this.clear();
    if (!several) this.advance();
    this.undo.push(before);
    try {
      await verdict(chosen.map((each) => each.dataset.item), word, reason);
    } catch (error) {
      for (const [each, state] of before) this.set(each, state);
      this.undo = this.undo.filter((each) => each !== before);
      this.show(chosen[0]);
      toast(`${t("failed")} ${error.message}`, true);
    }
  },
  async back() {
    await send("POST", "/verdicts/undo");
    const before = this.undo.pop();
    for (const [each, state] of before ?? []) if (each.isConnected) this.set(each, state);
    if (before?.[0][0].isConnected) this.show(before[0][0]);
    else location.reload();
    toast(t("undone"));
  },
  async again(items, prompt) {
    await send("POST", "/reroll", { items: items.map((each) => each.dataset.item), expected_count: items.length, ...prompt });
    for (const each of items) { this.set(each, "waiting"); each.classList.add("is-waiting"); }
    this.clear();
    toast(t("reroll"));
  },
  async whole() {
    const figure = this.current();
    return figure && (await itemOf(figure.dataset.item, figure.dataset.key));
  },
};

// --- One by one: the server hands each reviewer another picture; the next one is loaded while one looks.

const queue = {
  shown: [], undo: [], place: -1, ahead: null, isLoading: false,
  get item() { return this.shown[this.place]; },
  fetchNext(after) {
    return call("GET", `${at}/review/next${after ? `?after=${after}` : ""}`).then((found) => {
      const picture = found.item && pictureOf(newest(found.item));
      if (picture) new Image().src = large(picture);
      return found;
    });
  },
  async next() {
    if (this.isLoading) return;
    if (this.place < this.shown.length - 1) { this.place += 1; return this.render(); }
    this.isLoading = true;
    try {
      const found = await (this.ahead ?? this.fetchNext(this.item?.id));
      this.ahead = null;
      if (found.item) { this.shown.push(found.item); this.place = this.shown.length - 1; }
      this.render(!found.item);
      if (found.item) { this.ahead = this.fetchNext(found.item.id); this.ahead.catch(() => { this.ahead = null; }); }
    } catch (error) {
      this.ahead = null;
      toast(error.message, true);
    } finally { this.isLoading = false; }
  },
  step(by) {
    if (by > 0) return this.next();
    if (this.place <= 0 && byId("nothing").hidden) return toast(t("first"));
    if (byId("nothing").hidden) this.place -= 1;
    this.render();
  },
  render(isEnd = false) {
    byId("nothing").hidden = !isEnd;
    byId("stage").hidden = isEnd;
    if (isEnd) { root.dataset.item = ""; return; }
    const item = this.item, take = newest(item), picture = pictureOf(take), image = byId("shot");
    root.dataset.item = item.id;
    image.hidden = !picture;
    if (picture) { image.src = large(picture); image.width = picture.width ?? 1; image.height = picture.height ?? 1; image.alt = item.key; }
    stamp(byId("stamp"), item.verdict ?? "", item.reason);
    byId("canvas").dataset.verdict = item.verdict ?? "";
    byId("item-key").textContent = [item.key, item.variant].filter(Boolean).join(" · ");
    byId("item-model").textContent = take?.model ?? "";
    byId("item-prompt").textContent = take?.prompt ?? "";
    const notes = [
      ...(picture?.checks?.found ?? []),
      ...(take?.gate ?? []).flatMap((each) => each.answers.map((answer) => `${answer.rule}: ${answer.answer ?? "–"}`)),
      ...Object.entries(item.cost ?? {}).map(([currency, amount]) => `${amount} ${currency}`),
    ];
    byId("item-notes").replaceChildren(...notes.map((each) => element("li", { class: "chip" }, each)));
    byId("takes").replaceChildren(...item.takes.map((each) => thumbnail(each, `${t("take")} ${each.take}`)));
    for (const id of ["takes", "takes-title"]) byId(id).hidden = item.takes.length < 2;
    loupe.follow(null);
  },
  async decide(word, reason) {
    const item = this.item;
    if (!item || this.isLoading || byId("stage").hidden) return;
    const before = { item, verdict: item.verdict, reason: item.reason };
    this.undo.push(before);
    tally(STATES[item.verdict ?? "none"], STATES[word]);
    Object.assign(item, { verdict: word === "none" ? null : word, reason });
    const saved = verdict([item.id], word, reason);
    this.next();
    try {
      await saved;
    } catch (error) {
      tally(STATES[word], STATES[before.verdict ?? "none"]);
      this.undo = this.undo.filter((each) => each !== before);
      this.restore(before);
      toast(`${t("failed")} ${error.message}`, true);
    }
  },
  async back() {
    await send("POST", "/verdicts/undo");
    const before = this.undo.pop();
    if (!before) return location.reload();
    tally(STATES[before.item.verdict ?? "none"], STATES[before.verdict ?? "none"]);
    this.restore(before);
    toast(t("undone"));
  },
  restore({ item, verdict: word, reason }) {
    Object.assign(item, { verdict: word, reason });
    this.place = this.shown.indexOf(item);
    this.render();
  },
  async again(_, prompt) {
    await send("POST", "/reroll", { items: [this.item.id], expected_count: 1, ...prompt });
    toast(t("reroll"));
    this.next();
  },
  whole() { return this.item; },
};
const mode = isGrid ? grid : queue;

function newest(item) { return item.takes[item.takes.length - 1]; }
function pictureOf(take) { return take?.assets.find((each) => each.content_type.startsWith("image/")); }
function large(asset) { return pathOf(asset.thumbnails?.["960"]?.url ?? asset.url); }
function small(asset) { return pathOf(asset.thumbnails?.["320"]?.url ?? asset.url); }
function thumbnail(take, name) {
  const entry = element("li"), picture = pictureOf(take);
  if (picture) entry.append(element("img", { src: small(picture), alt: "", loading: "lazy" }));
  entry.append(element("span", { class: "small muted" }, picture ? name : `${name}: ${t("waiting")}`));
  return entry;
}

// --- Full size, above everything; keys go on to work.

const loupe = {
  node: byId("loupe"),
  get isOpen() { return !this.node.hidden; },
  toggle() {
    this.node.hidden = this.isOpen;
    this.follow(grid.current());
  },
  follow(figure) {
    if (!this.isOpen) return;
    const picture = isGrid ? null : pictureOf(newest(queue.item));
    const source = isGrid ? figure?.dataset.full : picture && pathOf(picture.url);
    if (source) this.node.querySelector("img").src = source;
    const state = isGrid ? figure?.dataset.state : STATES[queue.item?.verdict ?? "none"];
    stamp(this.node.querySelector(".stamp"), { approved: "pick", rejected: "reject" }[state] ?? "");
  },
};
loupe.node.addEventListener("click", () => loupe.toggle());

// --- Compare with the input pictures of its request, and with its other takes.

const compare = {
  others: [], place: 0,
  async open() {
    const item = await mode.whole();
    const take = item && newest(item), picture = pictureOf(take);
    if (!picture) return;
    const former = item.takes.filter((each) => each !== take && pictureOf(each))
      .map((each) => ({ name: `${t("take")} ${each.take}`, src: large(pictureOf(each)), take: each }));
    const inputs = [];
    const job = await call("GET", `/v1/jobs/${take.job}`);
    for (const [number, image] of (job.images ?? []).entries()) {
      if (!String(image).startsWith("asset_")) continue;
      const asset = await call("GET", `/v1/assets/${image}`);
      inputs.push({ name: `${t("input")} ${number + 1}`, src: large(asset) });
    }
    this.others = [...inputs, ...former];
    byId("mine").src = large(picture);
    byId("mine-name").textContent = `${t("take")} ${take.take}`;
    const none = !this.others.length;
    byId("no-others").hidden = !none;
    byId("no-others").textContent = none ? t("nothing") : "";
    byId("other").closest("figure").hidden = none;
    byId("others").replaceChildren(...this.others.map((each, number) => {
      const entry = element("li"), button = element("button", { type: "button", class: "take", "data-other": number });
      button.append(element("img", { src: each.src, alt: "" }), element("span", { class: "small" }, each.name));
      entry.append(button);
      return entry;
    }));
    this.place = 0;
    this.show();
    byId("compare").showModal();
  },
  show() {
    const other = this.others[this.place];
    if (!other) return;
    byId("other").src = other.src;
    byId("other-name").textContent = other.name;
    for (const each of document.querySelectorAll("[data-other]")) each.toggleAttribute("aria-current", Number(each.dataset.other) === this.place);
  },
};
byId("compare").addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by && compare.others.length) {
    compare.place = (compare.place + by + compare.others.length) % compare.others.length;
    compare.show();
  } else if (event.key.toLowerCase() === "c") byId("compare").close();
});
byId("others").addEventListener("click", (event) => {
  const button = event.target.closest("[data-other]");
  if (button) { compare.place = Number(button.dataset.other); compare.show(); }
});

// --- Edit: a prompt is sent as a template, so its braces are doubled.

async function edit() {
  const item = await mode.whole();
  if (!item || (isGrid && !grid.chosen().length)) return;
  const chosen = isGrid ? grid.chosen() : [item];
  byId("edit-prompt").value = chosen.length > 1 ? "{prompt}" : (newest(item)?.prompt ?? "").replace(/[{}]/g, "$&$&");
  const dialog = byId("edit");
  dialog.returnValue = "";
  dialog.showModal();
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "yes") attempt(() => mode.again(chosen, { prompt: byId("edit-prompt").value }));
  }, { once: true });
}

async function attempt(act) {
  try { await act(); } catch (error) { toast(error.message, true); }
}

const reasonOf = (number) => document.querySelector(`[data-press="${number}"] span`)?.textContent;
const acts = {
  p: () => mode.decide("pick"),
  x: () => mode.decide("reject"),
  u: () => mode.decide("none"),
  z: () => attempt(() => mode.back()),
  r: () => attempt(() => (isGrid ? grid.chosen().length && grid.again(grid.chosen(), {}) : queue.item && queue.again(null, {}))),
  e: () => attempt(edit),
  c: () => attempt(() => compare.open()),
  f: () => loupe.toggle(),
};
for (const number of [1, 2, 3, 4, 5]) acts[number] = () => mode.decide("reject", reasonOf(number));
const looks = {
  n: () => mode.next(),
  ArrowRight: () => mode.step(1),
  ArrowLeft: () => mode.step(-1),
  o: () => location.assign(isGrid ? `${root.dataset.home}?view=one` : root.dataset.home),
  Escape: () => (loupe.isOpen ? loupe.toggle() : grid.clear()),
  c: acts.c,
  f: acts.f,
};
if (isGrid) Object.assign(looks, { ArrowDown: () => grid.line(1), ArrowUp: () => grid.line(-1), j: () => grid.step(1), k: () => grid.step(-1), Enter: acts.f });
if (isGrid && may) looks[" "] = () => grid.mark();
const all = { ...looks, ...(may ? acts : {}) };
for (const [key, act] of Object.entries(all)) {
  registerKeys({ [key]: act });
  if (/^[a-z]$/.test(key)) registerKeys({ [key.toUpperCase()]: act });
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const button = target?.closest("[data-press]");
  if (button) {
    const key = button.dataset.press.toLowerCase();
    if (key === "again") { queue.ahead = null; queue.shown = []; queue.place = -1; queue.next(); }
    else if (key === "clear") grid.clear();
    else if (key === "close") button.closest("dialog").close();
    else all[key]?.();
    button.blur();
    return;
  }
  const figure = target?.closest(".shot");
  if (!figure || target.closest("a")) return;
  if (event.ctrlKey || event.metaKey) { grid.show(figure); if (may) grid.mark(); }
  else if (figure === grid.current()) loupe.toggle();
  else grid.show(figure);
});

// --- What other reviewers decide meanwhile is shown on the grid; takes that end get their picture.

let busy = false;
document.addEventListener("changed", async (event) => {  // on its way down: the stream's element may be replaced
  if (event.target.id !== "live") return;
  const topics = event.detail.data.split(" ");
  if (!isGrid || busy || document.hidden || !topics.some((each) => each === "actions" || each === "jobs")) return;
  busy = true;
  try {
    await sending;
    const figures = grid.figures(), query = new URLSearchParams({ limit: "500" });
    for (const each of figures) query.append("key", each.dataset.key);
    if (!figures.length) return;
    const { data } = await call("GET", `${at}/items?${query}`);
    for (const item of data) {
      const figure = byId(item.id);
      if (!figure || figure.dataset.state === item.status) continue;
      const picture = item.assets?.find((each) => each.content_type.startsWith("image/"));
      grid.set(figure, item.status);
      if (item.job !== figure.dataset.job && picture) {
        figure.dataset.job = item.job;
        figure.dataset.full = pathOf(picture.url);
        figure.classList.remove("is-waiting");
        const image = figure.querySelector("img") ?? figure.insertBefore(element("img", { alt: "" }), figure.querySelector("figcaption"));
        image.src = small(picture);
        figure.querySelector(".hole")?.remove();
      }
    }
  } catch { /* the next change tries again */ } finally { setTimeout(() => { busy = false; }, 1000); }
}, true);

if (isGrid) grid.show(grid.figures()[0]);
else queue.next();

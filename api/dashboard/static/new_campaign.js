// A new campaign: the sheet stays in the browser until it is imported; each step is a call of the API.
import { call, fields, toast } from "./dashboard.js";

const byId = (id) => document.getElementById(id);
const form = byId("making");
const t = (name) => form.dataset[`text${name[0].toUpperCase()}${name.slice(1)}`];
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => (values[name] ?? 0).toLocaleString(document.documentElement.lang));
let sheet = null, mapping = {}, busy = false;

function element(tag, attributes = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

function take(file) {
  if (!file) return;
  sheet = file;
  byId("sheet-name").textContent = file.name;
  if (!byId("name").value) byId("name").value = file.name.replace(/\.[^.]+$/, "").slice(0, 128);
}

// --- The draft: created by the first reading, changed by the next ones.

async function save() {
  const given = fields(form);
  const definition = {
    model: given.model ?? null,
    template: given.template ? { prompt: given.template.prompt } : {},
    budget: given.budget?.amount ? { amount: given.budget.amount, currency: given.budget.currency } : null,
    canary: given.canary?.items ? { items: given.canary.items } : null,
  };
  if (form.dataset.draft) return call("PATCH", `/v1/campaigns/${form.dataset.draft}`, definition);
  const made = Object.fromEntries(Object.entries(definition).filter(([, value]) => value !== null));
  const campaign = await call("POST", "/v1/campaigns", { name: given.name, ...made });
  form.dataset.draft = campaign.id;
  byId("name").readOnly = true;
  history.replaceState(null, "", `/dashboard/campaigns/new?draft=${campaign.id}`);
  return campaign;
}

async function send(dryRun) {
  const body = new FormData();
  body.append("sheet", sheet, sheet.name);
  for (const file of byId("files").files) body.append("file", file, file.name);
  const query = new URLSearchParams({ dry_run: String(dryRun), mapping: JSON.stringify(mapping) });
  const answer = await fetch(`/dashboard/api/v1/campaigns/${form.dataset.draft}/rows?${query}`, {
    method: "POST", headers: { "X-Darkroom-Token": document.body.dataset.token }, body,
  });
  const report = await answer.json();
  if (!answer.ok) throw new Error(report.detail ?? String(answer.status));
  return report;
}

function reach(step) {
  [...byId("path").children].forEach((each, number) => each.setAttribute("aria-current", number === step ? "step" : "false"));
}

// --- What was read: columns to map, and all errors at once.

function show(report) {
  byId("mapping").hidden = false;
  reach(1);
  byId("read-rows").textContent = fill(t("rows"), report);
  byId("mapping-rows").replaceChildren(...report.columns.map((column) => {
    const row = element("tr"), choice = element("select", { "aria-label": column.name, "data-column": column.name });
    const known = form.dataset.fields.split(" ");
    const own = column.field && column.field !== "-" && !known.includes(column.field) ? [column.field] : [];
    for (const [value, text] of [["", t("variable")], ...[...known, ...own].map((each) => [each, each]), ["-", t("out")]]) {
      choice.append(element("option", { value }, text));
    }
    choice.value = column.field ?? "";
    const name = element("td", { class: "wide" }), cell = element("td", { class: "text" }), used = element("td");
    name.append(element("code", {}, `{${column.name}}`));
    cell.append(element("span", { class: "clip" }, column.example));
    used.append(choice);
    row.append(name, cell, used);
    return row;
  }));
  byId("columns").replaceChildren(...report.columns.filter((each) => each.field !== "-").map((each) => element("button", { type: "button", class: "button small", "data-insert": `{${each.name}}` }, `{${each.name}}`)));
  const errors = report.errors ?? [];
  byId("sheet-errors").hidden = !errors.length;
  byId("error-count").textContent = errors.length ? fill(t("errors"), { count: report.error_count }) : "";
  byId("error-rows").replaceChildren(...errors.map((error) => {
    const row = element("tr");
    row.append(element("td", { class: "num" }, error.line ? String(error.line) : "–"), element("td", {}, error.column ?? "–"), element("td", { class: "wide" }, error.message));
    return row;
  }));
}

async function plan() {
  const url = `/dashboard/campaigns/new?draft=${form.dataset.draft}`;
  await window.htmx.ajax("GET", url, { target: "#plan", select: "#plan", swap: "outerHTML" });
  reach(2);
}

async function attempt(act) {
  if (busy) return;
  busy = true;
  for (const each of [byId("read"), byId("import")]) each.disabled = true;
  try { await act(); } catch (error) { toast(error.message, true); } finally {
    busy = false;
    for (const each of [byId("read"), byId("import")]) each.disabled = false;
  }
}

const read = () => attempt(async () => {
  if (!sheet && !form.dataset.draft) throw new Error(t("sheet"));
  await save();
  if (sheet) {
    show(await send(true));
    byId("mapping").scrollIntoView({ block: "nearest" });
  } else await plan();
});

if (form) {
  mapping = JSON.parse(form.dataset.mapping || "{}");
  form.addEventListener("submit", (event) => { event.preventDefault(); read(); });
  byId("sheet").addEventListener("change", (event) => take(event.target.files[0]));
  for (const name of ["dragover", "dragleave", "drop"]) {
    byId("drop").addEventListener(name, (event) => {
      event.preventDefault();
      byId("drop").classList.toggle("is-over", name === "dragover");
      if (name === "drop") take(event.dataTransfer.files[0]);
    });
  }
  byId("mapping-rows").addEventListener("change", (event) => {
    const column = event.target.dataset.column, value = event.target.value;
    const names = form.dataset.fields.split(" ");
    for (const [other, field] of Object.entries(mapping)) if (field === value && value !== "-") delete mapping[other];
    if (value) mapping[column] = value;
    else if (names.includes(column)) mapping[column] = "-";
    else delete mapping[column];
    read();
  });
  byId("columns").addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    if (!button) return;
    const prompt = byId("prompt");
    prompt.setRangeText(button.dataset.insert, prompt.selectionStart, prompt.selectionEnd, "end");
    prompt.focus();
  });
  byId("import").addEventListener("click", () => attempt(async () => {
    await save();
    show(await send(false));
    await plan();
    toast(t("imported"));
    byId("plan").scrollIntoView({ block: "start" });
  }));
}

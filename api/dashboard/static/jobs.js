// Marks of jobs: kept while the list changes below them; "all on this page", the key x, and the chosen columns.
import { refresh, registerKeys } from "./dashboard.js";

const marked = new Set();
const boxes = () => [...document.querySelectorAll("[data-mark]")];

function show() {
  const all = boxes();
  for (const box of all) {
    box.checked = marked.has(box.value);
    box.closest("tr").setAttribute("aria-selected", String(box.checked));
  }
  const every = document.getElementById("mark-all");
  if (!every) return;
  const count = all.filter((box) => box.checked).length;
  every.checked = all.length > 0 && count === all.length;
  every.indeterminate = count > 0 && count < all.length;
  document.getElementById("marked-count").textContent = String(marked.size);
  const matching = document.getElementById("scope-matching").checked;
  for (const button of document.querySelectorAll("[data-bulk]")) button.disabled = !matching && marked.size === 0;
}

function mark(box, on) { if (on) marked.add(box.value); else marked.delete(box.value); }

document.addEventListener("change", (event) => {
  const { target } = event;
  if (target.id === "mark-all") boxes().forEach((box) => mark(box, target.checked));
  else if (target.matches("[data-mark]")) mark(target, target.checked);
  else if (target.matches("[data-column]")) {
    const chosen = [...document.querySelectorAll("[data-column]:checked")].map((box) => box.dataset.column);
    document.cookie = `darkroom-columns=${chosen.join(".") || "none"}; path=/dashboard; max-age=31536000; samesite=lax`;
    refresh();
    return;
  } else if (!target.closest("#bulk")) return;
  show();
});

// Marked jobs of other pages of the list are sent as well.
document.addEventListener("formdata", (event) => {
  if (event.target.id !== "bulk") return;
  const scope = event.formData.get("scope");
  event.formData.delete("marked");
  if (scope === "marked") {
    for (const name of [...event.formData.keys()]) if (name !== "scope") event.formData.delete(name);
    event.formData.set("marked", [...marked].join(","));
  }
});
document.addEventListener("submit", (event) => {
  if (event.target.id !== "bulk") return;
  event.preventDefault();
  const data = new FormData(event.target);
  data.set("kind", event.submitter.value);
  location.assign(`${event.target.action}?${new URLSearchParams(data)}`);
});

document.addEventListener("htmx:after:swap", show);
registerKeys({
  x: () => {
    const box = document.querySelector("tr.is-current [data-mark]");
    if (box) { mark(box, !box.checked); show(); }
  },
});
show();

// The gallery: older pages as one scrolls, never more than 600 figures; chosen pictures; full size.
import { registerKeys, request, toast } from "./dashboard.js";
import PhotoSwipeLightbox from "./vendor/photoswipe-lightbox.esm.min.js";

const MOST = 600;
const wall = () => document.getElementById("wall");
const figures = (within = document) => [...within.querySelectorAll("figure[data-asset]")];

// --- Pages: the next one is fetched when the end comes near; those far above become a box of the same height.

const emptied = new WeakMap();
let fetching = false;

async function older() {
  const link = document.querySelector("[data-older]");
  if (!link || fetching) return;
  fetching = true;
  try {
    const answer = await fetch(link.href, { headers: { "HX-Request": "true" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const sheet of next.querySelectorAll("[data-sheet]")) wall().append(document.adoptNode(sheet));
    document.getElementById("more").replaceWith(document.adoptNode(next.getElementById("more")));
    trim();
    watch();
    show();
  } catch (error) { toast(error.message, true); } finally { fetching = false; }
}

function trim() {
  let count = figures(wall()).length;
  for (const sheet of wall().querySelectorAll("[data-sheet]")) {
    if (count <= MOST) return;
    if (emptied.has(sheet) || sheet.getBoundingClientRect().bottom > -innerHeight) continue;
    count -= figures(sheet).length;
    sheet.style.height = `${sheet.offsetHeight}px`;
    const inside = document.createDocumentFragment();
    inside.append(...sheet.childNodes);
    emptied.set(sheet, inside);
    seen.observe(sheet);
  }
}

function refill(sheet) {
  sheet.append(emptied.get(sheet));
  emptied.delete(sheet);
  sheet.style.height = "";
  seen.unobserve(sheet);
  const all = [...wall().querySelectorAll("[data-sheet]")];
  for (const below of all.reverse()) {  // what is far below goes instead
    if (figures(wall()).length <= MOST) return;
    if (emptied.has(below) || below.getBoundingClientRect().top < 2 * innerHeight) continue;
    below.style.height = `${below.offsetHeight}px`;
    const inside = document.createDocumentFragment();
    inside.append(...below.childNodes);
    emptied.set(below, inside);
    seen.observe(below);
  }
}

const seen = new IntersectionObserver((entries) => {
  for (const each of entries) if (each.isIntersecting && emptied.has(each.target)) refill(each.target);
  show();
}, { rootMargin: "800px" });
const end = new IntersectionObserver((entries) => { if (entries.some((each) => each.isIntersecting)) older(); }, { rootMargin: "1200px" });
function watch() {
  end.disconnect();
  const link = document.querySelector("[data-older]");
  if (link) end.observe(link);
}
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-older]")) { event.preventDefault(); older(); }
});
document.addEventListener("htmx:after:swap", () => { watch(); show(); });

// --- Chosen pictures.

const chosen = new Map();
function choose(box) {
  const figure = box.closest("figure");
  if (box.checked) chosen.set(box.value, { file: figure.dataset.file, name: figure.dataset.name });
  else chosen.delete(box.value);
  show();
}
function show() {
  for (const box of document.querySelectorAll("[data-choose]")) {
    box.checked = chosen.has(box.value);
    box.closest("figure").setAttribute("data-chosen", String(box.checked));
  }
  const bar = document.getElementById("chosen");
  if (!bar) return;
  bar.hidden = chosen.size === 0;
  document.getElementById("chosen-count").textContent = String(chosen.size);
  document.getElementById("compare").disabled = chosen.size < 2;
}
document.addEventListener("change", (event) => { if (event.target.matches("[data-choose]")) choose(event.target); });

function compare() {
  if (chosen.size < 2) return;
  if (chosen.size > 4) { toast(document.getElementById("chosen").dataset.most, true); return; }
  location.assign(`/dashboard/gallery/compare?ids=${[...chosen.keys()].join(",")}`);
}
function save(address, name) {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}
async function download(button) {
  const [{ file, name }] = chosen.values();
  if (chosen.size === 1) return save(file, `${name}.${file.split(".").pop()}`);
  button.disabled = true;
  try {
    const answer = await request("POST", "/v1/assets/zip", { ids: [...chosen.keys()] });
    const address = URL.createObjectURL(await answer.blob());
    save(address, /filename="(.+)"/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "pictures.zip");
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    if (Number(answer.headers.get("X-Darkroom-Missing"))) toast(document.getElementById("chosen").dataset.missing, true);
  } catch (error) { toast(error.message, true); } finally { button.disabled = false; }
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("button"), id = button?.id;
  if (id === "compare") compare();
  else if (id === "download") download(button);
  else if (id === "addresses") {
    navigator.clipboard.writeText([...chosen.values()].map(({ file }) => new URL(file, location.href).href).join("\n"));
    toast(document.body.dataset.copied);
  } else if (id === "choose-none") { chosen.clear(); show(); }
});

// --- Keys: the current picture is the one that has the focus.

const current = () => document.activeElement?.closest("figure[data-asset]");
function step(x, y) {
  const all = figures(wall());
  const from = current();
  let to = all[0];
  if (from && x) to = all[all.indexOf(from) + x];
  else if (from) {
    const here = from.getBoundingClientRect(), middle = here.left + here.width / 2;
    const rows = all.filter((each) => (each.getBoundingClientRect().top - here.top) * y > here.height / 2);
    const near = Math.min(...rows.map((each) => Math.abs(each.getBoundingClientRect().top - here.top)));
    to = rows.filter((each) => Math.abs(Math.abs(each.getBoundingClientRect().top - here.top) - near) < 4)
      .sort((one, two) => distance(one, middle) - distance(two, middle))[0];
  }
  to?.querySelector("a[data-full]").focus();
  to?.scrollIntoView({ block: "nearest" });
}
function distance(figure, middle) {
  const box = figure.getBoundingClientRect();
  return Math.abs(box.left + box.width / 2 - middle);
}
registerKeys({
  ArrowRight: () => step(1, 0), ArrowLeft: () => step(-1, 0), ArrowDown: () => step(0, 1), ArrowUp: () => step(0, -1),
  j: () => step(1, 0), k: () => step(-1, 0),
  x: () => {
    const box = current()?.querySelector("[data-choose]");
    if (box) { box.checked = !box.checked; choose(box); }
  },
  c: compare,
  f: () => current()?.querySelector("a[data-full]").click(),
});

// --- Full size.

const lightbox = new PhotoSwipeLightbox({
  gallery: "#wall", children: "a[data-full]", pswpModule: () => import("./vendor/photoswipe.esm.min.js"),
  bgOpacity: 0.94, showHideAnimationType: matchMedia("(prefers-reduced-motion: reduce)").matches ? "none" : "fade",
});
lightbox.addFilter("domItemData", (item, element, link) => ({
  ...item, src: link.href, w: Number(link.dataset.width), h: Number(link.dataset.height), msrc: link.querySelector("img").src,
  alt: link.querySelector("img").alt,
}));
lightbox.on("uiRegister", () => {
  lightbox.pswp.ui.registerElement({
    name: "caption", order: 9, isButton: false, appendTo: "root",
    onInit: (element, pswp) => pswp.on("change", () => {
      element.textContent = pswp.currSlide.data.alt ?? "";
    }),
  });
});
lightbox.init();
watch();
show();

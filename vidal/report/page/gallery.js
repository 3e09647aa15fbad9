// The gallery: what is filtered, sorted and shown, and the keys that move through it.

const PAGE = 48;
const get = (id) => document.getElementById(id);
const state = { query: "", sort: "order", descending: false, layer: "frames", page: 0, open: null };
const source = text("mode") === '"served"' ? new Served() : text("b-index") ? new Embedded() : null;
let columns = null;
let rows = [];

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

function draw() {
  rows = chosen(columns, state.query, state.sort, state.descending);
  const pages = Math.max(1, Math.ceil(rows.length / PAGE));
  state.page = Math.max(0, Math.min(pages - 1, state.page));
  const shown = rows.slice(state.page * PAGE, (state.page + 1) * PAGE);
  get("cards").replaceChildren(...shown.map((row) => card(source, columns, row, state.layer, open)));
  get("said").textContent = `${rows.length.toLocaleString("en")} of ${columns.key.length.toLocaleString("en")} samples`;
  get("page").textContent = `${state.page + 1} of ${pages}`;
  get("prev").disabled = state.page === 0;
  get("next").disabled = state.page === pages - 1;
  get("order").textContent = state.descending ? "↓" : "↑";
  for (const button of get("layers").children) button.setAttribute("aria-pressed", button.value === state.layer);
}

function set(changes) {
  Object.assign(state, "page" in changes ? changes : { ...changes, page: 0 });
  draw();
}

function turn(by) {
  const before = state.page;
  set({ page: state.page + by });
  if (state.page !== before) get("app").scrollIntoView();
}

async function open(row) {
  state.open = row;
  let shown;
  try {
    shown = detail(source, columns, row, await source.detail(row), step);
  } catch (error) {
    shown = [el("h2", { id: "detail-h", textContent: columns.key[row] }), el("p", { textContent: `This sample cannot be shown: ${error.message}` })];
  }
  if (state.open !== row) return;
  const focused = get("detail").contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
  get("detail").replaceChildren(...shown);
  if (!get("detail").open) get("detail").showModal();
  else if (focused) get("detail").querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
  get("detail").scrollTop = 0;
}

function step(by) {
  const at = rows.indexOf(state.open) + by;
  if (by === 0) get("detail").close();
  else if (at >= 0 && at < rows.length) open(rows[at]);
}

function keyed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (get("detail").open) {
    if (/VIDEO|AUDIO/.test(event.target.tagName)) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
    return;
  }
  if (/INPUT|SELECT/.test(event.target.tagName)) {
    if (event.key === "Escape") { event.preventDefault(); event.target.blur(); }
    return;
  }
  const layer = Object.keys(STRIPS)[Number(event.key) - 1];
  if (event.key === "/") { event.preventDefault(); get("filter").focus(); }
  else if (event.key === "[") turn(-1);
  else if (event.key === "]") turn(1);
  else if (layer) set({ layer, page: state.page });
}

async function begin() {
  get("theme").addEventListener("click", theme);
  if (!source) return;
  columns = await source.index();
  get("sort").append(...["order", ...Object.keys(columns)].map((name) => el("option", { value: name, textContent: name === "order" ? "order of the shards" : name.replace("score.", "") })));
  for (const layer of Object.keys(STRIPS)) {
    const button = el("button", { type: "button", value: layer, textContent: layer === "frames" ? "picture" : layer });
    button.addEventListener("click", () => set({ layer, page: state.page }));
    get("layers").append(button);
  }
  get("filter").addEventListener("input", (event) => set({ query: event.target.value }));
  get("sort").addEventListener("change", (event) => set({ sort: event.target.value }));
  get("order").addEventListener("click", () => set({ descending: !state.descending }));
  get("prev").addEventListener("click", () => turn(-1));
  get("next").addEventListener("click", () => turn(1));
  get("detail").addEventListener("close", () => { state.open = null; get("detail").replaceChildren(); });
  document.addEventListener("keydown", keyed);
  get("app").hidden = false;
  draw();
}

begin().catch((error) => { get("gallery").append(el("p", { textContent: `The gallery cannot be shown: ${error.message}` })); });

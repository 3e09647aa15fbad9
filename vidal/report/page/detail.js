// One sample in full.

const STRIPS = { frames: "Keyframes", depth: "Depth, the nearest brightest", infrared: "Infrared", sound: "Sound" };

function listed(title, values) {
  const rows = Object.entries(values ?? {}).filter(([, value]) => value != null && value !== "");
  if (!rows.length) return [];
  const shown = (value) => (typeof value === "object" ? JSON.stringify(value, null, 1) : String(value));
  return [el("h3", { textContent: title }),
    el("dl", {}, ...rows.flatMap(([name, value]) => [el("dt", { textContent: name }), el("dd", { textContent: shown(value) })]))];
}

function address(url) {
  if (!/^https?:\/\//i.test(url ?? "")) return null;
  return el("p", { className: "small" }, el("a", { href: url, target: "_blank", rel: "noopener noreferrer", textContent: url }));
}

function player(source, row, members) {
  for (const [name, tag] of [["mp4", "video"], ["flac", "audio"]]) {
    const url = name in members && source.url(row, name);
    if (url) return el(tag, { controls: true, preload: "metadata", src: url, "aria-label": tag === "video" ? "Clip" : "Sound" });
  }
  return null;
}

function views(record, columns, row) {
  const found = { ...(record.views ?? {}) };
  if (Array.isArray(found.ofa)) found.ofa = found.ofa.map((one, number) => `${number}  ${one}`).join("\n");
  return Object.keys(found).length ? found : { txt: columns.text[row] };
}

function detail(source, columns, row, found, step) {
  const { members, layers, record } = found;
  const button = (label, name, act) => { const b = el("button", { type: "button", textContent: label, "aria-label": name }); b.addEventListener("click", act); return b; };
  const strips = layers.flatMap((layer) => {
    const url = source.url(row, layer);
    return url ? [el("h3", { textContent: STRIPS[layer] }), el("img", { className: "strip", src: url, alt: `${STRIPS[layer]} of ${columns.key[row]}` })] : [];
  });
  const { origin, scores, provenance, ...rest } = record;
  for (const name of ["views", "key", "kind", "title", "hashtags"]) delete rest[name];
  return [
    el("header", {}, el("h2", { id: "detail-h", textContent: columns.key[row] }), button("←", "Earlier sample", () => step(-1)), button("→", "Later sample", () => step(1)), button("✕", "Close", () => step(0))),
    player(source, row, members), ...strips,
    ...listed("Texts", views(record, columns, row)), ...listed("Scores", scores),
    ...listed("Origin", origin), address(origin?.url), ...listed("Record", rest),
    ...listed("Provenance", provenance), ...listed("Members, in bytes", members),
  ].filter(Boolean);
}

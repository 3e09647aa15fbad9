// Cards. Whatever comes from a sample goes in by textContent or as a checked address, never as HTML.

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

const seconds = (value) => (value == null ? "" : `${value.toFixed(1)} s`);

function shot(source, columns, row, layer) {
  const box = el("span", { className: "shot" });
  const none = () => el("span", { className: "none", textContent: layer === "frames" ? "no picture here" : `no ${layer} here` });
  const counts = Object.fromEntries(columns.layers[row].split(" ").map((one) => one.split("×")));
  const drawn = layer === "frames" && !counts.frames && counts.sound ? "sound" : layer;
  const url = counts[drawn] && source.url(row, drawn);
  if (url) {
    const picture = el("img", { alt: "", loading: "lazy", decoding: "async" });
    picture.addEventListener("load", () => scrubbed(box, picture, Number(counts[drawn])));
    picture.addEventListener("error", () => picture.replaceWith(none()));
    picture.src = url;
    box.append(picture);
  } else box.append(none());
  box.append(el("span", { className: "length", textContent: seconds(columns.seconds[row]) }));
  return box;
}

function scrubbed(box, picture, count) {
  if (count === 1) return;
  picture.style.width = `${(picture.naturalWidth / count / picture.naturalHeight) * box.clientHeight}px`;
  const show = (number) => { picture.style.objectPosition = `${(number / (count - 1)) * 100}% 0`; };
  box.addEventListener("pointermove", (event) => {
    const at = (event.clientX - box.getBoundingClientRect().left) / box.clientWidth;
    show(Math.max(0, Math.min(count - 1, Math.floor(at * count))));
  });
  box.addEventListener("pointerleave", () => show(0));
}

function card(source, columns, row, layer, open) {
  const told = el("span", { className: "told" },
    el("bdi", { className: "text", textContent: columns.text[row] || columns.title?.[row] || "(no text)" }),
    el("code", { textContent: columns.key[row] }));
  const button = el("button", { type: "button", className: "card" }, shot(source, columns, row, layer), told);
  button.addEventListener("click", () => open(row));
  return el("li", {}, button);
}

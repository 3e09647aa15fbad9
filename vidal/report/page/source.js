// Where samples come from: blocks of this page, or the server that gave it. Both have index(), detail(row), url(row, what).

const text = (id) => document.getElementById(id)?.textContent ?? null;

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

const TYPES = { frames: "image/jpeg", depth: "image/jpeg", infrared: "image/jpeg", sound: "image/jpeg", mp4: "video/mp4", flac: "audio/flac" };

class Embedded {
  chunks = new Map();
  index() { return unpacked(text("b-index")); }
  async detail(row) {
    const number = Math.floor(row / 100);
    if (!this.chunks.has(number)) this.chunks.set(number, unpacked(text(`b-chunk-${number}`)));
    return (await this.chunks.get(number))[row % 100];
  }
  url(row, what) {
    const found = text(`b-${what}-${row}`);
    return found && `data:${TYPES[what]};base64,${found}`;
  }
}

class Served {
  async index() {
    const whole = {};
    for (let page = 0; ; page += 1) {
      const { columns, more } = await this.json(`/index/${page}.json`);
      for (const [name, values] of Object.entries(columns)) whole[name] = (whole[name] ?? []).concat(values);
      if (!more) return whole;
    }
  }
  detail(row) { return this.json(`/sample/${row}.json`); }
  url(row, what) { return what in { mp4: 1, flac: 1 } ? `/member/${row}/${what}` : `/strip/${row}/${what}.jpg`; }
  async json(path) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }
}

// The tables that Python computed, and how a state is looked up in them. Nothing here computes memory.
const live = (globalThis.memoryLive ??= { parts: {}, views: new Set() });
const decoded = new WeakMap();

function unpack(part, text, Kind) {
  if (typeof text !== 'string') return text;
  let known = decoded.get(part);
  if (!known) decoded.set(part, (known = new Map()));
  if (!known.has(text)) {
    const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
    known.set(text, new Kind(bytes.buffer));
  }
  return known.get(text);
}
const floats = (part, text) => unpack(part, text, Float64Array);
const wholes = (part, text) => unpack(part, text, Uint32Array);

function indexOf(part, key) {
  const name = 'index of ' + key;
  let known = decoded.get(part);
  if (!known) decoded.set(part, (known = new Map()));
  if (!known.has(name)) known.set(name, new Map(Array.from(wholes(part, part[key]), (value, i) => [value, i])));
  return known.get(name);
}

// One bar of a column: bytes by segment, their sum, and what is only reserved; null where no table holds it. A bar that the
// engine refuses has an infinite sum and nothing in it.
function lookUp(column, context, batch) {
  const { facts, contexts, batches } = live.parts;
  for (const table of [contexts, batches]) {
    if (table?.config !== facts.config) continue;
    const row = indexOf(table, 'contexts').get(context), at = indexOf(table, 'batches').get(batch);
    if (row === undefined || at === undefined) continue;
    const series = table.columns[column], across = table.batches.length;
    const read = name => {
      const values = floats(table, series[name] ?? 0);
      return typeof values === 'number' ? values : values[row * across + at];
    };
    const values = facts.segments.map(segment => read(segment.name));
    if (values.includes(Infinity)) return { column, context, batch, values: values.map(() => 0), total: Infinity, reserved: 0, afterwards: 0, host: [] };
    return { column, context, batch, values, total: values.reduce((a, b) => a + b, 0), reserved: read('reserved'), afterwards: read('after the prompt'), host: facts.hosted.map(name => ({ name, bytes: read(`host/${name}`) })) };
  }
  return null;
}

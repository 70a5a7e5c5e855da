// The tables that Python computed, and how a state is looked up in them. Nothing here computes memory.
const live = (globalThis.memoryLive ??= { parts: {}, views: new Set() });
const BARS = 12;
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

// The places of the bars, in tokens, as dashboard/stops.py has them.
const barPositions = context => Array.from({ length: BARS }, (_, j) => Math.max(1, Math.floor((context * (j + 1)) / BARS)));

// One bar in bytes by component, or null where no table holds it.
function lookUp(names, context, batch) {
  const { facts, contexts, batches } = live.parts;
  const found = (part, row, columns, column) => names.map(name => {
    const values = floats(part, part.components[name]);
    return typeof values === 'number' ? values : values[row * columns + column];
  });
  if (contexts?.config === facts.config && contexts.batch === batch) {
    const row = indexOf(contexts, 'contexts').get(context);
    if (row !== undefined) return found(contexts, row, 1, 0);
  }
  if (batches?.config === facts.config) {
    const row = indexOf(batches, 'contexts').get(context), column = indexOf(batches, 'batches').get(batch);
    if (row !== undefined && column !== undefined) return found(batches, row, batches.batches.length, column);
  }
  return null;
}

// Everything that is drawn for one state, or null while its tables are on their way.
function stateAt(names, context, batch) {
  const { facts, batches, advice } = live.parts;
  const positions = barPositions(context), bars = positions.map(position => lookUp(names, position, batch));
  if (bars.some(bar => bar === null)) return null;
  const now = bars[BARS - 1], total = now.reduce((a, b) => a + b, 0);
  const advised = advice?.config === facts.config && advice.context === context && advice.batch === batch;
  const reach = (stops, values, at, own, ownAt) => {
    if (facts.usable === null) return undefined;
    const i = indexOf(facts, stops).get(at);
    return i !== undefined ? wholes(facts, facts[values])[i] : batches?.config === facts.config && ownAt === at ? own : undefined;
  };
  return {
    context, batch, positions, bars, now, total, changes: advised ? advice.changes : undefined,
    largestBatch: reach('stops', 'largest_batch', context, batches?.largest_batch, batches?.context),
    longestContext: reach('batches', 'longest_context', batch, batches?.longest_context, batches?.batch),
  };
}

// Which bars stand for a state of the sliders, and everything that is drawn for it.
const BARS = 12, WHOLE = 16, LONG = 4096;

// The places of the bars, as dashboard/stops.py has them.
function barPositions(context) {
  const whole = context >= LONG ? WHOLE : 1;
  return Array.from({ length: BARS }, (_, j) => (j === BARS - 1 ? context : Math.max(1, Math.floor((context * (j + 1)) / (BARS * whole)) * whole)));
}
const batchBars = batch => Array.from({ length: BARS }, (_, j) => (batch <= BARS ? j + 1 : Math.floor((batch * (j + 1)) / 6)));

function barsAt(facts, context, batch) {
  if (facts.mode === 'context') return barPositions(context).map(position => lookUp(0, position, batch));
  if (facts.mode === 'batch') return batchBars(batch).map(size => lookUp(0, context, size));
  return facts.columns.map((_, column) => lookUp(column, context, batch));
}

// Null while the tables of a state are on their way.
function stateAt(context, batch) {
  const { facts, batches, advice } = live.parts, bars = barsAt(facts, context, batch);
  if (bars.some(bar => bar === null)) return null;
  const at = facts.mode === 'context' ? BARS - 1 : facts.mode === 'batch' ? batchBars(batch).indexOf(batch) : 0, now = bars[at];
  const advised = advice?.config === facts.config && advice.context === context && advice.batch === batch;
  const reach = (stops, values, place, own, ownAt) => {
    if (facts.usable === null || !facts.stops) return undefined;
    const i = indexOf(facts, stops).get(place);
    return i !== undefined ? wholes(facts, facts[values])[i] : batches?.config === facts.config && ownAt === place ? own : undefined;
  };
  return {
    context, batch, bars, at, now, total: now.total, changes: advised ? advice.changes : undefined,
    host: now.host.filter(part => part.bytes > 0), inHost: now.host.reduce((sum, part) => sum + part.bytes, 0),
    of: component => now.values.reduce((sum, bytes, s) => (facts.segments[s].component === component ? sum + bytes : sum), 0),
    largestBatch: reach('stops', 'largest_batch', context, batches?.largest_batch, batches?.context),
    longestContext: reach('batches', 'longest_context', batch, batches?.longest_context, batches?.batch),
  };
}

// What a drawing is built for: where this changes its elements are made anew, else they move to their new places.
const sameLimit = facts => new Set(facts.columns.map(column => `${column.device} ${column.usable}`)).size === 1;
const buildOf = facts => JSON.stringify([facts.mode, facts.segments, facts.columns.map(column => column.label), facts.reserved, facts.gpus > 1 ? facts.gpus : 0, sameLimit(facts)]);

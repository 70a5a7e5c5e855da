// What lies in host memory beside the device, by component; how much room there is, nobody says.
function besides(facts, state, stack) {
  if (!state.inHost) return [];
  const parts = state.host.map(part => `${small(stack.find(one => one.name === part.name).label)} ${amount(part.bytes, facts.unit)}`);
  return [` In host memory beside ${facts.gpus > 1 ? 'the GPUs' : 'it'}, which the verdict leaves out: `, bold(amount(state.inHost, facts.unit)), ` (${parts.join(', ')}).`];
}

// The sentence above the chart in pieces; the ones that are numbers are set in bold.
const bold = words => ({ strong: words });
const place = state => [bold(count(state.context, 'token')), ' for ', bold(count(state.batch, 'sequence'))];

function sentence(facts, state, stack) {
  if (facts.mode === 'columns') return ofColumns(facts, state);
  if (state.total === Infinity) return [`${facts.engine} refuses ${facts.model} at `, ...place(state), '; it says why once the slider rests.'];
  const say = bytes => bold(amount(bytes, facts.unit)), each = facts.host ? 'In host memory ' : facts.gpus > 1 ? `On each of ${facts.gpus} GPUs ` : '';
  if (facts.mode === 'batch') {
    const one = lookUp(0, state.context, 1), two = lookUp(0, state.context, 2);
    return [`${each}${facts.model} in ${facts.weights.split(',')[0]} needs `, say(one.total), ' for one sequence of ', bold(count(state.context, 'token')), '; a second one adds ', say(two.total - one.total), ', since the weights are shared.', ...(state.batch > 2 ? [' At ', bold(count(state.batch, 'sequence')), ' it is ', say(state.total), '.'] : []), ...besides(facts, state, stack)];
  }
  const pieces = [
    `${each}${facts.model} in ${facts.weights.split(',')[0]} needs `, say(state.of('weights')), state.inHost ? ' of the device for its weights. At ' : ' for its weights. At ', ...place(state),
  ];
  const away = state.host.some(part => part.name === 'kv_cache'), cache = state.of('kv_cache');
  if (away && !cache) pieces.push(' the device holds none of the KV cache');
  else pieces.push(` the KV cache ${away ? 'on it ' : ''}holds `, say(cache), `, ${times(cache, state.of('weights'))}`);
  if (state.of('activations') > 0) pieces.push('; computing takes ', say(state.of('activations')), ' more at its busiest moment');
  pieces.push('.');
  if (state.now.afterwards > 0 && state.now.afterwards < cache) pieces.push(' Once the prompt is read, ', say(state.now.afterwards), ' of the cache stays.');
  pieces.push(...besides(facts, state, stack));
  if (state.now.reserved > 0) pieces.push(' The engine reserves ', say(state.now.reserved), ' more for its cache than this needs.');
  if (state.context > facts.supported) pieces.push(` The model itself supports only ${count(facts.supported, 'token')}.`);
  return pieces;
}

// A share of the device's bytes from which host memory is named in a comparison.
const WORTH_SAYING = 0.1;

function fits(some, all) {
  if (all === 1) return some ? 'It fits' : 'It does not fit';
  return some === all ? `All ${all} fit` : some ? `${some} of ${all} fit` : `None of ${all} fits`;
}

// Bars of several GPUs are those of one of them.
function ofEach(facts, named) {
  const counts = facts.columns.map(column => column.gpus), several = counts.flatMap((gpus, j) => (gpus > 1 ? [`${named(j)} has ${gpus}`] : []));
  if (!several.length) return [];
  return [new Set(counts).size === 1 ? ` Bytes are those of each of ${counts[0]} GPUs.` : ` Bytes are those of each GPU: ${several.join(', ')}.`];
}

const nameOf = (facts, j) => facts.columns[j].label.replace(/^As\b/, 'as');

// Totals of the first column and of the smallest.
function leastOfColumns(facts, state) {
  const totals = state.bars.map(bar => bar.total), least = totals.indexOf(Math.min(...totals)), say = j => bold(amount(totals[j], facts.unit));
  const named = j => nameOf(facts, j);
  const pieces = ['At ', ...place(state), `, ${named(0)}: `, say(0)];
  if (least) pieces.push(`; least with ${named(least)}: `, say(least), ...(totals[0] < Infinity ? [`, ${fixed((100 * totals[least]) / totals[0], 0)} % of that`] : []));
  else if (totals[0] === Infinity) pieces.push(', which the engine refuses');
  else if (totals.length > 1) pieces.push(', the least of all');
  pieces.push('.');
  return pieces;
}

function ofColumns(facts, state) {
  const totals = state.bars.map(bar => bar.total), named = j => nameOf(facts, j), pieces = leastOfColumns(facts, state);
  const judged = facts.columns.filter(column => column.usable !== null), fitting = facts.columns.filter((column, j) => column.usable !== null && totals[j] <= column.usable);
  if (judged.length) pieces.push(' ', bold(fits(fitting.length, judged.length)), '.');
  pieces.push(...ofEach(facts, named));
  const held = state.bars.map(bar => bar.host.reduce((sum, part) => sum + part.bytes, 0));
  const away = facts.columns.flatMap((_, j) => (held[j] > totals[j] * WORTH_SAYING ? [`${named(j)} ${amount(held[j], facts.unit)}`] : []));
  if (away.length) pieces.push(` In host memory beside the device, which the verdicts leave out: ${away.join(', ')}.`);
  return pieces;
}

// Writes the pieces into an element, keeping the elements that are there.
function writePieces(root, pieces) {
  pieces.forEach((piece, i) => {
    const tag = piece.strong ? 'STRONG' : 'SPAN';
    let element = root.children[i];
    if (element?.tagName !== tag) {
      const fresh = html(tag.toLowerCase());
      element ? root.replaceChild(fresh, element) : root.appendChild(fresh);
      element = fresh;
    }
    write(element, piece.strong ?? piece);
  });
  while (root.children.length > pieces.length) root.lastChild.remove();
}

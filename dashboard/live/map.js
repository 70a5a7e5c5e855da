// Context against batch, both in doublings: what fits, where it ends, and a dot for the current state.
function map(root, style) {
  const W = root.clientWidth || 400, fs = style.font, H = style.height, L = fs * 3.4, T = fs * 2.6, B = fs * 3.6, R = fs * 0.6;
  const svg = shape('svg', { width: W, height: H, viewBox: `0 0 ${W} ${H}`, role: 'img', class: 'map', 'font-size': fs }, root);
  let drawn = null, place = null;
  const cells = shape('g', {}, svg), front = shape('g', {}, svg);
  const across = shape('line', { class: 'hair' }, svg), down = shape('line', { class: 'hair' }, svg);
  const ring = shape('circle', { r: fs * 0.62, class: 'dot-halo' }, svg), dot = shape('circle', { r: fs * 0.42, class: 'dot' }, svg);

  function drawCells(facts) {
    cells.replaceChildren(); front.replaceChildren();
    const { contexts, batches } = facts.map, totals = floats(facts, facts.map.totals), largest = Math.max(...totals.filter(Number.isFinite)), cw = (W - L - R) / contexts.length, ch = (H - T - B) / batches.length;
    place = (context, batch) => [L + cw * (Math.log2(context / contexts[0]) + 0.5), T + ch * (batches.length - 0.5 - Math.log2(batch))];
    const text = (attributes, words, parent = cells) => { shape('text', { class: 'ink soft', ...attributes }, parent).textContent = words; };
    const title = shape('text', { x: L, y: fs * 1.1, class: 'ink strong' }, cells), [what, key] = facts.usable === null ? ['Total by context and batch', 'stronger blue: more'] : [`What fits on ${facts.device}`, totals[0] > facts.usable ? '' : 'stronger blue: fuller'];
    title.textContent = key ? `${what} (${key})` : what;
    if (title.getComputedTextLength() > W - L) title.textContent = what;
    let fitting = 0, failing = 0;
    batches.forEach((batch, b) => contexts.forEach((context, c) => {
      const total = totals[c * batches.length + b], refused = total === Infinity, limit = facts.usable ?? largest, fits = !refused && (facts.usable === null || total <= limit);
      fits ? fitting++ : failing++;
      const [x, y] = place(context, batch), share = facts.usable === null ? Math.log(total / totals[0]) / Math.log(limit / totals[0]) : Math.min(1, total / limit);
      const cell = shape('rect', { x: x - cw / 2 + 0.75, y: y - ch / 2 + 0.75, width: cw - 1.5, height: ch - 1.5, rx: 2, 'data-refused': refused, fill: refused ? style.ink : fits ? style.color('weights') : style.color('kv_cache'), 'fill-opacity': fits ? 0.12 + 0.68 * share : 0.2 }, cells);
      shape('title', {}, cell).textContent = `${count(context, 'token')} × ${count(batch, 'sequence')}: ${refused ? 'refused by the engine' : `${amount(total, facts.unit)}${facts.usable === null ? '' : fits ? ', fits' : ', does not fit'}`}`;
      if (!fits) shape('path', { d: `M${x - fs * 0.22} ${y - fs * 0.22}l${fs * 0.44} ${fs * 0.44}m0 ${-fs * 0.44}l${-fs * 0.44} ${fs * 0.44}`, class: 'cross' }, cells);
    }));
    batches.forEach((batch, b) => { if (b % 2 === 0) text({ x: L - fs * 0.5, y: place(contexts[0], batch)[1] + fs * 0.35, 'text-anchor': 'end' }, whole(batch)); });
    const every = Math.ceil((fs * 3.2) / cw);
    contexts.forEach((context, c) => { if (c % every === 0) text({ x: place(context, 1)[0], y: H - B + fs * 1.4, 'text-anchor': 'middle' }, shortTokens(context)); });
    text({ x: W - R, y: H - fs * 0.6, 'text-anchor': 'end' }, 'tokens per sequence, doubling');
    text({ x: L - fs * 0.5, y: T - fs * 0.5, 'text-anchor': 'end' }, 'seqs');
    const ends = Math.min(W - R, place(Math.max(facts.supported, contexts[0]), 1)[0]);
    shape('line', { x1: ends, x2: ends, y1: T, y2: H - B, class: 'limit' }, cells);
    text({ x: Math.min(ends, W - R - fs * 2.6), y: T - fs * 0.4, 'text-anchor': 'middle', class: 'ink soft halo' }, 'model’s limit');
    if (facts.usable === null) return;
    drawFrontier(facts, contexts, batches);
    const words = (x, y, anchor, say) => pill(front, { x, y, 'text-anchor': anchor, class: 'ink strong' }).say(say, {});
    const above = totals[2 * batches.length + 1] <= facts.usable;  // where it fits, over the row of one sequence, in which the dot mostly lies
    if (fitting) words(L + fs * 0.6, H - B + fs * 0.35 - ch * (above ? 1.5 : 0.5), 'start', failing ? '✓ fits' : '✓ all of it fits');
    if (failing) words(W - R - fs * 0.6, T + fs * 1.4, 'end', fitting ? '✗ does not fit' : '✗ none of it fits');
  }

  function drawFrontier(facts, contexts, batches) {
    const longest = wholes(facts, facts.longest_context), stops = facts.batches, points = [];
    const right = W - R, left = L, bottom = H - B;
    stops.forEach((batch, i) => {
      if (!longest[i]) return;
      const [x, y] = place(longest[i], batch);
      points.push([Math.min(right, Math.max(left, x)), y]);
    });
    if (!points.length) return;
    const path = 'M' + [[points[0][0], bottom], ...points].map(point => point.join(' ')).join('L');
    shape('path', { d: path, class: 'frontier-halo' }, front);
    shape('path', { d: path, class: 'frontier' }, front);
  }

  return (facts, state) => {
    if (drawn !== facts) { drawCells(facts); drawn = facts; }
    const [x, y] = place(state.context, state.batch), cx = Math.min(W - R, Math.max(L, x)), cy = Math.min(H - B, Math.max(T, y));
    put(across, { x1: L, x2: cx, y1: cy, y2: cy }); put(down, { x1: cx, x2: cx, y1: cy, y2: H - B });
    put(ring, { cx, cy }); put(dot, { cx, cy });
    put(svg, { 'aria-label': `Context against batch: ${count(state.context, 'token')} for ${count(state.batch, 'sequence')} ${verdict(facts, state.total, facts.unit).words}.` });
  };
}

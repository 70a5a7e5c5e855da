// Stacked bars: up to the current context, around the current batch size, or one for each scenario.
function bars(root, style, facts) {
  const frame = frameOf(root, style, facts), { svg, text, fs, L, T, B, W, H, iw, ih, n, left, middle, width } = frame;
  const rects = facts.segments.map(segment => Array.from({ length: n }, (_, j) => shape('rect', {
    x: left(j), width, fill: style.color(segment.component), 'fill-opacity': segment.shade % 2 ? 0.66 : 1, stroke: style.background, 'stroke-width': 1.5,
    'data-component': segment.component, 'data-segment': segment.name,
  }, svg)));
  const hatched = Array.from({ length: n }, (_, j) => shape('rect', { x: left(j) + 1, width: width - 2, class: 'reserved', 'data-reserved': j }, svg));
  hatched.forEach(rect => { shape('title', {}, rect).textContent = facts.reserved ?? ''; });
  const drawCapacity = capacityOf(frame, facts), sums = Array.from({ length: n }, (_, j) => text({ x: middle(j), 'text-anchor': 'middle', class: 'ink strong halo', 'font-size': fs * (frame.numbered ? 0.8 : frame.columns ? 1.02 : 1.15) }));
  const drawLabels = labelsOf(frame, style, facts), drawCaptions = captionsOf(frame, root, facts);
  const title = text({ x: L, y: fs * 1.1, class: 'ink strong' });
  const limit = shape('line', { y1: T, y2: T + ih, class: 'limit' }, svg), limitWords = text({ y: T + fs * 0.9, class: 'ink soft halo', 'font-size': fs * 0.92 });

  return (facts, state) => {
    const tallest = Math.max(0, ...state.bars.map(bar => bar.total + bar.reserved).filter(Number.isFinite)), limits = facts.columns.map(column => column.usable);
    const most = frame.columns ? Math.max(...limits.filter(found => found !== null && found < tallest * 4), 0) || null : facts.usable;
    const { y, top } = frame.draw(tallest, most, facts.unit);
    if (!frame.columns) write(title, longest([`${facts.model} in ${facts.weights.split(',')[0]}`, facts.model], (W - L) / (fs * 0.56)));
    const taken = [];
    state.bars.forEach((bar, j) => {
      let base = 0;
      bar.values.forEach((bytes, s) => {
        base += bytes;
        put(rects[s][j], { y: y(base), height: (ih * bytes) / top });
        show(rects[s][j], bytes > 0);
      });
      show(hatched[j], bar.reserved > 0);
      if (bar.reserved > 0) put(hatched[j], { y: y(base + bar.reserved), height: Math.max(0, (ih * bar.reserved) / top - 1) });
      const refused = bar.total === Infinity, said = frame.columns || j === state.at || refused;
      show(sums[j], said);
      if (!said) return;
      const line = y(facts.columns[bar.column].usable ?? 0), peak = y(base) - fs * 0.5;
      const words = refused ? '✗' : frame.numbered ? amount(base, facts.unit).split('\u00a0')[0] : amount(base, facts.unit), at = peak > line - fs * 0.4 && peak < line + fs * 1.3 ? line - fs * 0.5 : peak;
      const [x, anchor] = refused ? [middle(j), 'middle'] : facts.mode === 'context' ? [L + iw, 'end'] : j === 0 && facts.mode === 'batch' ? [left(0), 'start'] : [middle(j), 'middle'];
      put(sums[j], { y: at, x, 'text-anchor': anchor });
      write(sums[j], words);
      const wide = words.length * fs * 0.62, from = x - wide * { start: 0, middle: 0.5, end: 1 }[anchor];
      taken.push({ left: from, right: from + wide, top: at - fs, bottom: at + fs * 0.2 });
    });
    drawCapacity(facts, state, y, top, taken);
    drawCaptions(facts, state);
    drawLabels(facts, state, y);
    const past = facts.mode === 'context' && state.context > facts.supported, x = Math.max(L, L + frame.slot * ((n * facts.supported) / state.context - 0.5)), right = x < L + iw * 0.55;
    show(limit, past); show(limitWords, past);
    if (past) { put(limit, { x1: x, x2: x }); put(limitWords, { x: x + (right ? fs * 0.4 : -fs * 0.4), 'text-anchor': right ? 'start' : 'end' }); write(limitWords, `the model supports ${shortTokens(facts.supported)}`); }
    put(svg, { 'aria-label': described(facts, state) });
  };
}

function described(facts, state) {
  if (facts.mode === 'columns') return `Memory of ${facts.columns.length} scenarios at ${count(state.context, 'token')} for ${count(state.batch, 'sequence')}: ${facts.columns.map((column, j) => `${column.label} ${amount(state.bars[j].total, facts.unit)}, ${verdict(column, state.bars[j].total, facts.unit).words}`).join('; ')}.`;
  const along = facts.mode === 'batch' ? `against batch size, at ${count(state.context, 'token')} for ${count(state.batch, 'sequence')}` : `up to ${count(state.context, 'token')}`;
  return `Memory by component ${along}: ${facts.segments.map((segment, s) => `${segment.label} ${amount(state.now.values[s], facts.unit)}`).join(', ')}${state.inHost ? `; in host memory ${amount(state.inHost, facts.unit)}` : ''}.`;
}

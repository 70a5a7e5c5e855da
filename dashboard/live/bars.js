// Twelve stacked bars up to the current context; the last one is the state itself.
function bars(root, style) {
  const W = root.clientWidth || 700, fs = style.font, H = style.height, n = BARS;
  const L = fs * 3.9, R = fs * 7.6, T = fs * 2.6, B = fs * 3.6, iw = W - L - R, ih = H - T - B, slot = iw / n;
  const svg = shape('svg', { width: W, height: H, viewBox: `0 0 ${W} ${H}`, role: 'img', class: 'bars', 'font-size': fs }, root);
  const text = (attributes, words) => { const t = shape('text', { class: 'ink', ...attributes }, svg); if (words) t.textContent = words; return t; };
  const grid = Array.from({ length: 12 }, () => [shape('line', { x1: L, x2: L + iw, class: 'grid' }, svg), text({ x: L - fs * 0.6, 'text-anchor': 'end', class: 'ink soft' })]);
  const unit = text({ x: L - fs * 0.6, y: fs * 1.1, 'text-anchor': 'end', class: 'ink soft' });
  const rects = style.stack.map((part, c) => Array.from({ length: n }, (_, j) => {
    const rect = shape('rect', { x: L + slot * (j + 0.11), width: slot * 0.78, fill: style.colors[c], stroke: style.background, 'stroke-width': 1.5, 'data-component': part.name }, svg);
    rect.title = shape('title', {}, rect);
    return rect;
  }));
  const ticks = Array.from({ length: n }, (_, j) => text({ x: L + slot * (j + 0.5), y: H - B + fs * 1.4, 'text-anchor': 'middle', class: j === n - 1 ? 'ink strong' : 'ink soft' }));
  const axis = text({ x: L + iw, y: H - fs * 0.6, 'text-anchor': 'end', class: 'ink soft' });
  const limit = shape('line', { y1: T, y2: T + ih, class: 'limit' }, svg), limitWords = text({ y: T + fs * 0.9, class: 'ink soft halo', 'font-size': fs * 0.92 });
  const halo = shape('line', { x1: L, x2: L + iw, class: 'capacity-halo' }, svg), line = shape('line', { x1: L, x2: L + iw, class: 'capacity' }, svg);
  const capacity = pill(svg, { x: L + fs * 0.6, class: 'ink strong' }), sum = text({ x: L + iw, 'text-anchor': 'end', class: 'ink strong halo', 'font-size': fs * 1.15 });
  const labels = style.stack.map((part, c) => ({
    key: shape('path', { class: 'lead', stroke: style.colors[c] }, svg), name: text({ class: 'ink' }), value: text({ class: 'ink strong' }),
  }));
  let said = '';
  const toScale = scale(), every = Math.ceil((fs * 3.1) / slot);

  return (facts, state) => {
    const { top, ticks: marks, step } = toScale(state.total, facts.usable, facts.unit), y = bytes => T + ih * (1 - bytes / top);
    write(unit, facts.unit);
    grid.forEach(([rule, words], i) => {
      const on = i < marks.length;
      show(rule, on); show(words, on);
      if (on) { const at = y(marks[i]); put(rule, { y1: at, y2: at }); put(words, { y: at + fs * 0.35 }); write(words, tickText(marks[i], step, facts.unit)); }
    });
    state.bars.forEach((bar, j) => {
      let base = 0;
      bar.forEach((bytes, c) => {
        base += bytes;
        put(rects[c][j], { y: y(base), height: (ih * bytes) / top });
        show(rects[c][j], bytes > 0);
      });
      write(ticks[j], (n - 1 - j) % every ? '' : shortTokens(state.positions[j]));
    });
    write(axis, `tokens in context, ${count(state.batch, 'sequence')} at once`);

    const peak = y(state.total);
    put(sum, { y: peak - fs * 0.55 });
    write(sum, amount(state.total, facts.unit));
    drawCapacity(facts, y, top);
    const past = state.context > facts.supported, x = Math.max(L, L + slot * ((n * facts.supported) / state.context - 0.5)), right = x < L + iw * 0.55;
    show(limit, past); show(limitWords, past);
    if (past) { put(limit, { x1: x, x2: x }); put(limitWords, { x: x + (right ? fs * 0.4 : -fs * 0.4), 'text-anchor': right ? 'start' : 'end' }); write(limitWords, `the model supports ${shortTokens(facts.supported)}`); }
    drawLabels(facts, state, y);
    put(svg, { 'aria-label': `Memory by component up to ${count(state.context, 'token')}: ${style.stack.map((part, c) => `${part.label} ${amount(state.now[c], facts.unit)}`).join(', ')}.` });
    put(root, { 'data-drawn-context': state.context, 'data-drawn-batch': state.batch, 'data-drawn-total': BigInt(Math.round(state.total)).toString() });
  };

  function drawCapacity(facts, y, top) {
    const known = facts.usable !== null, inside = known && facts.usable <= top, at = inside ? y(facts.usable) : T;
    show(halo, inside); show(line, inside); show(capacity.group, known);
    if (!known) return;
    put(halo, { y1: at, y2: at }); put(line, { y1: at, y2: at });
    const height = inside ? at - fs * 0.65 : T - fs * 0.2, words = `${facts.device}: ${amount(facts.usable, facts.unit)} usable${inside ? '' : ' ↑ above this chart'}`;
    if (said !== words + height) capacity.say(words, { y: height });
    said = words + height;
  }

  function drawLabels(facts, state, y) {
    let base = 0;
    const wanted = state.now.map((bytes, c) => { const middle = base + bytes / 2; base += bytes; return { c, bytes, from: y(middle), y: y(middle) }; }).reverse();
    const shown = wanted.filter(label => label.bytes > 0);
    spread(shown, fs * 2.55, T + ih - fs * 0.6);
    const x = L + slot * (n - 0.11), to = W - R + fs * 1.1;
    for (const { c, bytes, from, y: at } of wanted) {
      const label = labels[c], on = bytes > 0;
      show(label.key, on); show(label.name, on); show(label.value, on);
      if (!on) continue;
      put(label.key, { d: `M${x} ${from}H${L + iw + 3}L${to - fs * 0.45} ${at}h${fs * 0.25}` });
      put(label.name, { x: to, y: at - fs * 0.15 }); write(label.name, style.stack[c].label);
      put(label.value, { x: to, y: at + fs * 1.0 }); write(label.value, amount(bytes, facts.unit));
    }
  }
}

// Direct labels beside the last bar instead of a legend: amounts of the chosen bar, or in a comparison the names alone.
function labelsOf({ svg, text, fs, L, W, T, iw, ih, n, left, width, columns, split }, style, facts) {
  const named = [...facts.segments.map(segment => ({ words: split && segment.name !== segment.component ? segment.label : style.label(segment.component), color: style.color(segment.component) })), { words: W < 500 ? 'Unused' : 'Reserved, unused', color: style.ink }];
  const one = columns || split, gap = fs * (one ? 1.35 : 2.55), room = Math.max(1, Math.floor((ih - fs * 1.5) / gap)), to = L + iw + fs * 1.1, from = left(n - 1) + width;
  const labels = named.map(({ words, color }) => {
    const label = { words, key: shape('path', { class: 'lead', stroke: color }, svg), name: text({ class: 'ink', x: to }), value: text({ class: 'ink strong', x: to }) };
    return label;
  });
  const at = text({ class: 'ink soft', x: to, y: T - fs * 0.5 });
  return (facts, state, y) => {
    const chosen = columns ? [] : [...state.now.values, state.now.reserved];
    show(at, facts.mode === 'batch');
    write(at, `at ${count(state.batch, 'sequence')}:`);
    const bar = state.bars.findLast(bar => bar.total < Infinity) ?? state.bars[n - 1], sizes = [...bar.values, bar.reserved];
    let base = 0;
    const all = sizes.map((bytes, s) => { const middle = base + bytes / 2; base += bytes; return { s, bytes, from: y(middle), y: y(middle) }; });
    const large = new Set([...all].sort((a, b) => b.bytes - a.bytes).slice(0, room).map(label => label.s));
    const shown = all.filter(label => label.bytes > (split ? base / 2000 : 0) && large.has(label.s)).reverse();
    spread(shown, gap, T + ih - (one ? 0 : fs * 0.6));
    for (const label of all) {
      const { key, name, value, words } = labels[label.s], on = shown.includes(label);
      show(key, on); show(name, on); show(value, on && !one);
      if (!on) continue;
      put(key, { d: `M${from} ${label.from}H${Math.max(from, L + iw) + 3}L${to - fs * 0.45} ${label.y}h${fs * 0.25}` });
      put(name, { y: label.y + (one ? fs * 0.35 : -fs * 0.15) });
      write(name, split && !columns ? `${words} ${amount(chosen[label.s], facts.unit)}` : words);
      if (!one) { put(value, { y: label.y + fs }); write(value, amount(chosen[label.s], facts.unit)); }
    }
  };
}

// The frame of the bars: margins, the grid with its scale, the hatch, and where each bar stands.
function frameOf(root, style, facts) {
  const W = root.clientWidth || 700, fs = style.font, H = style.height, columns = facts.mode === 'columns', n = columns ? facts.columns.length : BARS;
  const split = facts.segments.some(segment => segment.name !== segment.component);
  const side = fs * 3.9, R = Math.min(fs * (split ? 12.5 : facts.reserved ? 10 : 7.8), W * (split ? 0.43 : 0.3)), T = fs * 2.6, room = W - side - R;
  const iw = columns ? Math.min(room, n * fs * 26) : room, L = side + (room - iw) / 2, slot = iw / n, numbered = columns && slot < fs * 5.4;
  const letters = Math.floor((slot - fs * 0.4) / (fs * 0.52)), names = columns && !numbered ? facts.columns.map(column => wrapped(column.label, letters, 3)) : [];
  const lines = Math.max(0, ...names.map(name => name.length)), B = fs * (columns ? (numbered ? 2.2 : 2.5 + 1.3 * lines) : 3.6), ih = H - T - B, width = Math.min(slot * 0.78, fs * 9);
  const svg = shape('svg', { width: W, height: H, viewBox: `0 0 ${W} ${H}`, role: 'img', class: 'bars', 'font-size': fs }, root);
  const hatch = shape('pattern', { id: 'reserved-hatch', width: 7, height: 7, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' }, shape('defs', {}, svg));
  shape('line', { x1: 0, x2: 0, y1: 0, y2: 7, class: 'hatch' }, hatch);
  const text = (attributes, words) => { const t = shape('text', { class: 'ink', ...attributes }, svg); if (words) t.textContent = words; return t; };
  const grid = Array.from({ length: 12 }, () => [shape('line', { x1: L, x2: L + iw, class: 'grid' }, svg), text({ x: L - fs * 0.6, 'text-anchor': 'end', class: 'ink soft' })]);
  const unit = text({ x: L - fs * 0.6, y: fs * 1.1, 'text-anchor': 'end', class: 'ink soft' }), toScale = scale();
  const middle = j => L + slot * (j + 0.5), left = j => middle(j) - width / 2;
  // The height of a number of bytes, after the grid was set to this top.
  const draw = (most, limit, unitName) => {
    const { top, ticks, step } = toScale(most, limit, unitName), y = bytes => T + ih * (1 - bytes / top);
    write(unit, unitName);
    grid.forEach(([rule, words], i) => {
      const on = i < ticks.length;
      show(rule, on); show(words, on);
      if (on) { const at = y(ticks[i]); put(rule, { y1: at, y2: at }); put(words, { y: at + fs * 0.35 }); write(words, tickText(ticks[i], step, unitName)); }
    });
    return { y, top };
  };
  return { svg, text, draw, fs, W, H, L, R, T, B, iw, ih, n, slot, width, middle, left, columns, numbered, names, lines, split };
}

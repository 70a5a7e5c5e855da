// The capacity: one labelled line across all bars, or a short one over each bar where the devices differ.
function capacityOf({ svg, fs, L, T, iw, slot }, facts) {
  const same = sameLimit(facts), across = same ? [[L, L + iw]] : facts.columns.map((_, j) => [L + slot * (j + 0.04), L + slot * (j + 0.96)]);
  const lines = across.map(([x1, x2]) => ({ halo: shape('line', { x1, x2, class: 'capacity-halo' }, svg), line: shape('line', { x1, x2, class: 'capacity' }, svg), words: pill(svg, { x: x1 + fs * 0.4, class: 'ink strong', 'font-size': same ? fs : fs * 0.86 }) }));
  const said = [];
  return (facts, state, y, top) => lines.forEach(({ halo, line, words }, i) => {
    const column = facts.columns[i], known = column.usable !== null, inside = known && column.usable <= top, at = inside ? y(column.usable) : T;
    show(halo, inside); show(line, inside); show(words.group, known);
    if (!known) return;
    put(halo, { y1: at, y2: at }); put(line, { y1: at, y2: at });
    const height = inside ? at - fs * 0.65 : T - fs * 0.2, each = same && facts.gpus > 1 ? ' on each GPU' : '';
    const text = `${same ? `${column.device}: ` : ''}${amount(column.usable, facts.unit)}${same ? ` usable${each}` : ''}${inside ? '' : same ? ' ↑ above this chart' : ' ↑'}`;
    if (said[i] !== text + height) words.say(text, { y: height });
    said[i] = text + height;
  });
}

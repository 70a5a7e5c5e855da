// The first of several texts that has room.
const longest = (texts, letters) => texts.find(text => text.length <= letters) ?? texts.at(-1);

// The capacity: one labelled line across all bars, or a short one over each bar where the devices differ. Its words stand
// on the line, or under it where a total is written already; over that total where the bars end below.
function capacityOf({ svg, fs, L, T, iw, ih, slot }, facts) {
  const same = sameLimit(facts), across = same ? [[L, L + iw]] : facts.columns.map((_, j) => [L + slot * (j + 0.04), L + slot * (j + 0.96)]);
  const lines = across.map(([x1, x2]) => ({ halo: shape('line', { x1, x2, class: 'capacity-halo' }, svg), line: shape('line', { x1, x2, class: 'capacity' }, svg), words: pill(svg, { x: x1 + fs * 0.4, class: 'ink strong', 'font-size': same ? fs : fs * 0.86 }) }));
  const said = [];
  return (facts, state, y, top, taken) => lines.forEach(({ halo, line, words }, i) => {
    const column = facts.columns[i], known = column.usable !== null, inside = known && column.usable <= top, at = inside ? y(column.usable) : T;
    show(halo, inside); show(line, inside); show(words.group, known);
    if (!known) return;
    put(halo, { y1: at, y2: at }); put(line, { y1: at, y2: at });
    const each = same && facts.gpus > 1 ? ' on each GPU' : '';
    const size = amount(column.usable, facts.unit), up = inside ? '' : ' ↑';
    const text = same ? longest([`${column.device}: ${size} usable${each}${up && ' ↑ above this chart'}`, `${column.device}: ${size} usable${up}`, `${column.device}: ${size}${up}`, `${size}${up}`], iw / (fs * 0.56)) : longest([`${column.device}: ${size}${up}`, `${size}${up}`], (slot * 0.92) / (fs * 0.5));
    const left = across[i][0], right = left + fs * (0.4 + text.length * 0.56), covered = taken.find(sum => sum.left < right && sum.right > left && sum.top < at - fs * 0.3 && sum.bottom > at - fs * 1.7);
    const height = !inside ? T - fs * 0.2 : !covered ? at - fs * 0.65 : at + fs * 2 < T + ih ? at + fs * 1.5 : covered.top - fs * 0.3;
    if (said[i] !== text + height) words.say(text, { y: height });
    said[i] = text + height;
  });
}

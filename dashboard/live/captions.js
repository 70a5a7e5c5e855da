// What stands under the bars: tokens at each quarter, sequences, or the names of scenarios with their verdicts.
function captionsOf(frame, root, facts) {
  const { text, fs, L, H, B, iw, n, slot, columns, numbered, names, lines } = frame;
  const under = y => Array.from({ length: n }, (_, j) => text({ x: frame.middle(j), y, 'text-anchor': 'middle', class: 'ink soft' }));
  const axis = text({ x: L + iw, y: H - fs * 0.6, 'text-anchor': 'end', class: 'ink soft' }), ticks = under(H - B + fs * 1.4);
  if (numbered) return numberedCaptions(root, facts, ticks);
  if (columns) return namedCaptions(names, [ticks, ...Array.from({ length: lines - 1 }, (_, i) => under(H - B + fs * (2.7 + 1.3 * i)))], under(H - B + fs * (1.6 + 1.3 * lines)), fs);
  const every = [3, 6].find(bars => bars * slot >= fs * 3.4) ?? 12, chosen = tokens => (Number.isInteger(Math.log2(tokens)) ? shortTokens(tokens) : whole(tokens));
  return (facts, state) => {
    state.bars.forEach((bar, j) => {
      write(ticks[j], facts.mode === 'batch' ? whole(bar.batch) : j === state.at ? chosen(bar.context) : (n - 1 - j) % every ? '' : shortTokens(bar.context));
      put(ticks[j], { class: j === state.at ? 'ink strong' : 'ink soft' });
    });
    write(axis, facts.mode === 'batch' ? `sequences at once, ${count(state.context, 'token')} each` : `tokens in context, ${count(state.batch, 'sequence')} at once`);
  };
}

function judged(column, total, unit) {
  const { sign, words, fits } = verdict(column, total, unit);
  return { fits, words: fits === undefined ? '' : `${sign} ${words.replace('fits, ', '')}` };
}

// Where names have no room: numbers under the bars, and a list below.
function numberedCaptions(root, facts, ticks) {
  const list = html('ol', 'numbered', root), rows = facts.columns.map(() => html('li', '', list));
  ticks.forEach((tick, j) => write(tick, String(j + 1)));
  return (facts, state) => facts.columns.forEach((column, j) => write(rows[j], `${column.label}: ${amount(state.bars[j].total, facts.unit)} ${judged(column, state.bars[j].total, facts.unit).words}`));
}

function namedCaptions(names, lines, answers, fs) {
  names.forEach((name, j) => name.forEach((words, line) => {
    write(lines[line][j], words);
    put(lines[line][j], { class: 'ink' });
  }));
  return (facts, state) => facts.columns.forEach((column, j) => {
    const { fits, words } = judged(column, state.bars[j].total, facts.unit);
    write(answers[j], words);
    put(answers[j], { class: fits === false ? 'ink strong over' : 'ink strong', 'font-size': fs * 0.9 });
  });
}

// Words in at most `most` lines of `room` letters; what is left over ends in an ellipsis.
function wrapped(words, room, most) {
  const lines = [''];
  for (const word of words.split(' ')) {
    const line = lines.at(-1), longer = line ? `${line} ${word}` : word;
    if (longer.length <= room || !line || lines.length === most) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map(line => (line.length > room ? `${line.slice(0, room - 1)}…` : line));
}

// What stands under the bars: tokens, sequences, or the names of scenarios with their verdicts.
function captionsOf({ text, fs, L, H, B, iw, n, slot, middle, columns, numbered }, root, facts) {
  const under = y => Array.from({ length: n }, (_, j) => text({ x: middle(j), y, 'text-anchor': 'middle', class: 'ink soft' }));
  const axis = text({ x: L + iw, y: H - fs * 0.6, 'text-anchor': 'end', class: 'ink soft' });
  const ticks = under(H - B + fs * 1.4), every = Math.ceil((fs * 3.1) / slot);
  if (!columns) return (facts, state) => {
    state.bars.forEach((bar, j) => {
      write(ticks[j], facts.mode === 'batch' ? whole(bar.batch) : (n - 1 - j) % every ? '' : shortTokens(bar.context));
      put(ticks[j], { class: j === state.at ? 'ink strong' : 'ink soft' });
    });
    write(axis, facts.mode === 'batch' ? `sequences at once, ${count(state.context, 'token')} each` : `tokens in context, ${count(state.batch, 'sequence')} at once`);
  };
  const say = (column, total, facts) => { const answer = verdict(column, total, facts.unit); return { fits: answer.fits, words: column.usable === null ? '' : `${answer.sign} ${answer.fits ? answer.words.replace('fits, ', '') : answer.words}` }; };
  if (numbered) {
    const list = html('ol', 'numbered', root), rows = facts.columns.map(() => html('li', '', list));
    ticks.forEach((tick, j) => write(tick, String(j + 1)));
    return (facts, state) => facts.columns.forEach((column, j) => write(rows[j], `${column.label}: ${amount(state.bars[j].total, facts.unit)} ${say(column, state.bars[j].total, facts).words}`));
  }
  const second = under(H - B + fs * 2.7), answers = under(H - B + fs * 4.2), fit = Math.floor((slot - fs * 0.6) / (fs * 0.54));
  facts.columns.forEach((column, j) => {
    const [first, rest] = twoLines(column.label, fit);
    write(ticks[j], first); write(second[j], rest);
    put(ticks[j], { class: 'ink' }); put(second[j], { class: 'ink' });
  });
  return (facts, state) => {
    facts.columns.forEach((column, j) => {
      const { fits, words } = say(column, state.bars[j].total, facts);
      write(answers[j], words);
      put(answers[j], { class: fits === false ? 'ink strong over' : 'ink strong', 'font-size': fs * 0.92 });
    });
    write(axis, `${count(state.context, 'token')} for ${count(state.batch, 'sequence')}`);
  };
}

function twoLines(words, most) {
  const lines = ['', ''];
  for (const word of words.split(' ')) {
    const line = !lines[1] && (lines[0] ? lines[0].length + 1 : 0) + word.length <= most ? 0 : 1;
    lines[line] += (lines[line] ? ' ' : '') + word;
  }
  if (!lines[0]) return [lines[1].slice(0, most), lines[1].length > most ? `${lines[1].slice(most, 2 * most - 1)}` : ''];
  return [lines[0], lines[1].length > most ? `${lines[1].slice(0, most - 1)}…` : lines[1]];
}

// The drawing of a whole view: sentence, cards, bars, and the map of what fits where bars are of one scenario.
function page(host, style, facts) {
  const columns = facts.mode === 'columns', say = html('p', 'sentence', host), words = columns ? null : cards(host, style, facts);
  const line = columns ? null : html('p', 'advice', host), row = html('div', columns ? 'charts wide' : 'charts', host);
  const left = html('div', 'chart', row), drawBars = bars(left, style, facts), drawMap = columns ? null : map(html('div', 'chart', row), style);
  let caption = '';
  pictures(host, style, () => left.querySelector('svg'), () => caption, () => say.innerText);
  return (facts, state) => {
    const answer = verdict(facts, state.total, facts.unit);
    writePieces(say, sentence(facts, state, style.stack));
    drawBars(facts, state);
    caption = titled(facts, state, answer.words);
    if (columns) return;
    words(facts, state);
    drawMap(facts, state);
    put(line, { 'data-over': String(answer.fits === false) });
    write(line, state.total === Infinity ? '' : answer.fits === false ? remedy(state.changes) : certainty(facts, style.stack));
  };
}

// The verdict in one line, for the views whose own pictures wait for the release: total, fit, and a thin stacked bar.
// A label stands on the longer side of the device's mark, where this crosses its piece.
function strip(root, style, facts) {
  const row = html('div', 'strip', root), total = html('strong', 'value', row), fit = html('strong', 'verdict', row);
  const here = html('span', '', total), beside = html('span', 'beside', total);
  total.dataset.card = 'total';
  fit.dataset.card = 'verdict';
  const track = html('div', 'track', row), pieces = facts.segments.map(segment => {
    const piece = html('i', '', track);
    piece.style.background = style.color(segment.component);
    piece.style.color = readable(style.color(segment.component));
    piece.dataset.component = segment.component;
    html('span', '', piece, segment.label);
    return { piece, size: html('span', 'size', piece) };
  });
  const reserved = html('i', 'unused', track), mark = html('b', '', track);
  track.setAttribute('role', 'img');
  return (facts, state) => {
    const answer = verdict(facts, state.total, facts.unit), whole = Math.max(state.total + state.now.reserved, facts.usable ?? 0) || 1;
    const wide = bytes => `${(100 * bytes) / whole}%`;
    write(here, amount(state.total, facts.unit) + (facts.gpus > 1 ? ` on each of ${facts.gpus}\u00a0GPUs` : ''));
    write(beside, state.inHost ? ` and ${amount(state.inHost, facts.unit)} of host\u00a0memory` : '');
    write(fit, `${answer.sign} ${answer.words}`.trim());
    put(row, { 'data-fits': String(answer.fits) });
    let base = 0;
    pieces.forEach(({ piece, size }, s) => {
      const bytes = state.now.values[s], before = Math.min(Math.max((facts.usable ?? 0) - base, 0), bytes), late = before > bytes / 2;
      base += bytes;
      piece.style.width = wide(bytes);
      piece.style.paddingLeft = late ? 0 : wide(before);
      piece.style.paddingRight = late ? wide(bytes - before) : 0;
      write(size, `\u00a0${amount(state.now.values[s], facts.unit)}`);
      put(piece, { title: `${facts.segments[s].label} ${amount(state.now.values[s], facts.unit)}` });
    });
    reserved.style.width = wide(state.now.reserved);
    reserved.title = facts.reserved ?? '';
    show(mark, facts.usable !== null);
    if (facts.usable !== null) mark.style.left = `min(100% - 3px, ${wide(facts.usable)})`;
    put(track, { 'aria-label': `${count(state.context, 'token')} for ${count(state.batch, 'sequence')}: ${facts.segments.map((segment, s) => `${segment.label} ${amount(state.now.values[s], facts.unit)}`).join(', ')}${state.inHost ? `; in host memory ${amount(state.inHost, facts.unit)}` : ''}` });
  };
}

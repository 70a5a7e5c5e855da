// The sentence and the verdict cards, in words.
function cards(root, style) {
  const say = html('p', 'sentence', root), row = html('div', 'cards', root);
  const card = (label, role) => {
    const box = html('div', 'card', row);
    html('span', 'label', box, label);
    const value = html('strong', 'value', box);
    if (role) value.setAttribute('role', role);
    return { box, value, note: html('span', 'note', box) };
  };
  const total = card('Total'), fit = card('Verdict', 'status'), longest = card('Longest context that fits'), largest = card('Largest batch that fits');
  total.value.dataset.card = 'total';
  fit.value.dataset.card = 'verdict';
  longest.value.dataset.card = 'longest';
  largest.value.dataset.card = 'largest';
  return (facts, state) => {
    const pieces = sentence(facts, style.names, state);
    pieces.forEach((piece, i) => {
      const words = piece.strong ?? piece, tag = piece.strong ? 'STRONG' : 'SPAN';
      let element = say.children[i];
      if (element?.tagName !== tag) {
        const fresh = html(tag.toLowerCase());
        element ? say.replaceChild(fresh, element) : say.appendChild(fresh);
        element = fresh;
      }
      write(element, words);
    });
    while (say.children.length > pieces.length) say.lastChild.remove();

    const answer = verdict(facts, state), none = 'choose a device';
    write(total.value, amount(state.total, facts.unit));
    write(total.note, facts.device ? `of ${amount(facts.usable, facts.unit)} usable` : none);
    write(fit.value, `${answer.sign} ${answer.words}`.trim());
    put(fit.box, { 'data-fits': String(answer.fits) });
    write(fit.note, facts.device ? share(state.total / facts.usable) : none);

    const reach = (value, most, one) => (value === undefined ? '–' : value === 0 ? 'none' : value >= most ? 'no limit' : count(value, one));
    write(longest.value, reach(state.longestContext, facts.most_tokens, 'token'));
    write(longest.note, facts.usable === null ? none : state.longestContext === 0 ? `not one token at ${count(state.batch, 'sequence')}`
      : state.longestContext > facts.supported ? `at ${count(state.batch, 'sequence')}; the model supports ${whole(facts.supported)}`
      : `at ${count(state.batch, 'sequence')}`);
    write(largest.value, reach(state.largestBatch, facts.most_sequences, 'sequence'));
    write(largest.note, facts.usable === null ? none : state.largestBatch === 0 ? `not one at ${count(state.context, 'token')}` : `at ${count(state.context, 'token')}`);
  };
}

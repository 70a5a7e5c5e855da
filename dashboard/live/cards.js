// The verdict cards, in words.
function cards(root, style, facts) {
  const row = html('div', 'cards', root), each = facts.gpus > 1 ? `on each of ${facts.gpus} GPUs` : '';
  const card = label => {
    const box = html('div', 'card', row);
    html('span', 'label', box, label);
    const value = html('strong', 'value', box);
    return { box, name: box.firstChild, value, note: html('span', 'note', box) };
  };
  const total = card(`Total ${each}`.trim()), fit = card('Verdict'), longest = card('Longest context that fits'), largest = card('Largest batch that fits');
  total.value.dataset.card = 'total';
  fit.value.dataset.card = 'verdict';
  longest.value.dataset.card = 'longest';
  largest.value.dataset.card = 'largest';
  return (facts, state) => {
    const answer = verdict(facts, state.total, facts.unit), none = facts.host ? 'no GPU holds anything' : 'choose a device';
    write(total.value, amount(state.total, facts.unit));
    write(total.name, `${state.inHost ? 'On the device' : 'Total'} ${each}`.trim());
    write(total.note, state.inHost ? `and ${amount(state.inHost, facts.unit)} in host memory` : facts.device ? `of ${amount(facts.usable, facts.unit)} usable` : none);
    write(fit.value, `${answer.sign} ${answer.words}`.trim());
    put(fit.box, { 'data-fits': String(answer.fits) });
    write(fit.note, facts.device ? share(state.total / facts.usable) : none);

    const reach = (value, most, one) => (value === undefined ? '–' : value === 0 ? 'none' : value >= most ? 'no limit' : count(value, one));
    write(longest.value, reach(state.longestContext, facts.most_tokens, 'token'));
    write(longest.note, facts.usable === null ? none : state.longestContext === 0 ? `not one token at ${count(state.batch, 'sequence')}`
      : state.longestContext > facts.supported ? `the model supports ${whole(facts.supported)}`
      : `at ${count(state.batch, 'sequence')}`);
    write(largest.value, reach(state.largestBatch, facts.most_sequences, 'sequence'));
    write(largest.note, facts.usable === null ? none : state.largestBatch === 0 ? `not one at ${count(state.context, 'token')}` : `at ${count(state.context, 'token')}`);
  };
}

// What a screen reader says of the page: one sentence once the sliders rest, and nothing while they move. What is seen is
// no live region itself: it would be spoken at every step, and Orca leaves a status out when the page is read line by line.
// A step of a story says its own sentence, to which nothing is added.
const REST = 700;

function hearing(root) {
  let waits;
  const told = () => document.querySelector('.story-say') && document.activeElement?.type !== 'range';
  return words => {
    clearTimeout(waits);
    if (root) waits = setTimeout(() => told() || write(root, words), REST);
  };
}

function spoken(facts, state) {
  if (facts.mode === 'columns') return leastOfColumns(facts, state).map(piece => piece.strong ?? piece).join('');
  const beside = state.inHost ? ` and ${amount(state.inHost, facts.unit)} of host memory` : '', each = facts.gpus > 1 ? ` on each of ${facts.gpus} GPUs` : '';
  return `${amount(state.total, facts.unit)}${each}${beside}: ${verdict(facts, state.total, facts.unit).words}.`;
}

// What a picture is of, in pieces that no line breaks; of several bars what the first is, and what all have in common.
function titled(facts, state, answer) {
  const columns = facts.mode === 'columns', same = name => facts.columns.every(column => column[name] === facts[name]);
  const first = !columns || (same('model') && same('weights')) ? [facts.model, facts.weights] : [`${facts.model} in ${facts.weights} and others`];
  const named = [...first, columns ? null : facts.engine, columns && !same('device') ? null : facts.device].filter(Boolean);
  const all = [...named, count(state.context, 'token'), count(state.batch, 'sequence'), ...(columns ? [] : [answer])];
  return all.map(words => words.replaceAll(' ', '\u00a0')).join(' · ');
}

// The live chart as a file: a picture like those of the other figures, by `take_along/pictures.js`.
function pictures(root, style, svg, title, said) {
  const look = { background: style.background, ink: style.ink, size: style.font };
  pictureButtons(html('div', 'pictures', root), 'memory', () => framed([svg()], { title: title(), sentence: said() }, look), 'Save as ');
}

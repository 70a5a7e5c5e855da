// What a picture is of: what all bars have in common, in pieces that no line breaks.
function titled(facts, state, answer) {
  const columns = facts.mode === 'columns', same = name => facts.columns.every(column => column[name] === facts[name]);
  const named = ['model', 'weights', 'engine', 'device'].filter(name => (columns ? name !== 'engine' && same(name) : facts[name])).map(name => facts[name]).filter(Boolean);
  const all = [...named, count(state.context, 'token'), count(state.batch, 'sequence'), ...(columns ? [] : [answer])];
  return all.map(words => words.replaceAll(' ', '\u00a0')).join(' · ');
}

// The live chart as a file: a picture like those of the other figures, by `take_along/pictures.js`.
function pictures(root, style, svg, title, said) {
  const look = { background: style.background, ink: style.ink, size: style.font };
  pictureButtons(html('div', 'pictures', root), 'memory', () => framed([svg()], { title: title(), sentence: said() }, look), 'Save as ');
}

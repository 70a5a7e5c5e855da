// The live chart as a file: a picture like those of the other figures, by `take_along/pictures.js`.
function pictures(root, style, svg, title, said) {
  const look = { background: style.background, ink: style.ink, size: style.font };
  pictureButtons(html('div', 'pictures', root), 'memory', () => framed([svg()], { title: title(), sentence: said() }, look), 'Save as ');
}

// A drawing as a file, made in the browser: SVG, or PNG at slide quality, with its title and sentence above it.
const KEPT = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-dasharray', 'stroke-linejoin', 'paint-order', 'font-weight', 'font-size', 'text-anchor', 'opacity', 'display', 'visibility'];
const FAMILY = 'system-ui, Segoe UI, Helvetica, Arial, sans-serif';
const SLIDE = 2400;

function element(tag, attributes, parent) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  parent?.appendChild(made);
  return made;
}

// As wide as on the page, whichever font the file's reader has; of several lines each has its own length.
function fixWidth(words, copy) {
  if (!words.matches('text, tspan.line') || words.querySelector('tspan.line')) return;
  const length = words.getComputedTextLength();
  if (length) copy.setAttribute('textLength', length);
  if (length) copy.setAttribute('lengthAdjust', 'spacingAndGlyphs');
}

// A copy that needs no style sheet: what the page computed for every shape stands on the shape.
function styledCopy(svg) {
  const copy = svg.cloneNode(true), from = [svg, ...svg.querySelectorAll('*')], to = [copy, ...copy.querySelectorAll('*')];
  from.forEach((shape, i) => {
    const computed = getComputedStyle(shape);
    for (const name of KEPT) to[i].setAttribute(name, computed.getPropertyValue(name));
    fixWidth(shape, to[i]);
    to[i].removeAttribute('class');
    to[i].removeAttribute('style');
  });
  return copy;
}

// Words in lines; what no-break spaces join stays in one.
function lines(words, font, width) {
  const pen = document.createElement('canvas').getContext('2d'), found = [];
  pen.font = font;
  for (const word of words.split(/[ \n]+/).filter(Boolean)) {
    const longer = found.length ? `${found[found.length - 1]} ${word}` : word;
    if (found.length && pen.measureText(longer).width <= width) found[found.length - 1] = longer;
    else found.push(word);
  }
  return found;
}

// `svgs` lie on top of each other; `look` is { background, ink, size } of the page.
function framed(svgs, { title, sentence = '' }, look) {
  const { width, height } = svgs[0].getBoundingClientRect(), { size } = look, room = width - 2 * size;
  const heads = lines(title, `700 ${size * 1.25}px ${FAMILY}`, room), said = lines(sentence, `${size}px ${FAMILY}`, room);
  const top = size * (1.2 + 1.6 * heads.length + 1.4 * said.length);
  const picture = element('svg', { width, height: height + top, viewBox: `0 0 ${width} ${height + top}`, 'font-family': FAMILY });
  element('rect', { width: '100%', height: '100%', fill: look.background }, picture);
  const line = (words, at, attributes) => (element('text', { x: size, y: at, fill: look.ink, ...attributes }, picture).textContent = words);
  heads.forEach((words, i) => line(words, size * (1.6 + 1.6 * i), { 'font-size': size * 1.25, 'font-weight': 700 }));
  said.forEach((words, i) => line(words, size * (1.6 + 1.6 * heads.length + 1.4 * i), { 'font-size': size }));
  for (const svg of svgs) {
    const copy = styledCopy(svg);
    for (const [name, value] of Object.entries({ x: 0, y: top, width, height })) copy.setAttribute(name, value);
    picture.appendChild(copy);
  }
  return { text: new XMLSerializer().serializeToString(picture), width, height: height + top };
}

function download(blob, name) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 2000);
}

async function savePicture(kind, picture, name) {
  if (kind === 'svg') return download(new Blob([picture.text], { type: 'image/svg+xml' }), `${name}.svg`);
  const image = new Image(), scale = Math.max(2, SLIDE / picture.width);
  image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(picture.text);
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width: picture.width * scale, height: picture.height * scale });
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
  download(await new Promise((done, failed) => canvas.toBlob(blob => (blob ? done(blob) : failed()))), `${name}.png`);
}

// One button a kind of file, and words about what became of it. `made` gives the picture when it is asked for; `words`
// stand before the kind where no other file is offered beside it.
function pictureButtons(row, name, made, words = '') {
  const said = document.createElement('span');
  said.setAttribute('aria-live', 'polite');  // a status that says nothing yet would be read as one
  for (const kind of ['png', 'svg']) {
    const button = Object.assign(document.createElement('button'), { type: 'button', textContent: words + kind.toUpperCase() });
    if (!words) button.setAttribute('aria-label', `Save this chart as ${kind.toUpperCase()}`);
    button.onclick = async () => {
      try {
        await savePicture(kind, made(), name);
        said.textContent = `Saved ${name}.${kind}`;
      } catch {
        said.textContent = 'The picture could not be made';
      }
    };
    row.append(button);
  }
  row.append(said);
}

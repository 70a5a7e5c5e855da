// The live chart as a file, made in the browser: SVG, or PNG at twice the size.
const KEPT = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linejoin', 'paint-order', 'font-weight', 'font-size', 'opacity', 'display'];

function pictureOf(svg, caption, style) {
  const copy = svg.cloneNode(true), from = [svg, ...svg.querySelectorAll('*')], to = [copy, ...copy.querySelectorAll('*')];
  from.forEach((element, i) => {
    const computed = getComputedStyle(element);
    for (const name of KEPT) to[i].setAttribute(name, computed.getPropertyValue(name));
    const length = element.tagName === 'text' && element.getComputedTextLength();  // as wide as on the page, in any font
    if (length) put(to[i], { textLength: length, lengthAdjust: 'spacingAndGlyphs' });
    to[i].removeAttribute('class');
    to[i].removeAttribute('style');
  });
  const width = +svg.getAttribute('width'), height = +svg.getAttribute('height'), head = style.font * 2.4;
  const picture = shape('svg', { width, height: height + head, viewBox: `0 0 ${width} ${height + head}`, 'font-family': 'system-ui, Segoe UI, Helvetica, Arial, sans-serif' });
  shape('rect', { width: '100%', height: '100%', fill: style.background }, picture);
  shape('text', { x: style.font, y: style.font * 1.6, 'font-size': style.font * 1.15, 'font-weight': 700, fill: style.ink }, picture).textContent = caption;
  copy.setAttribute('y', head);
  picture.appendChild(copy);
  return { picture: new XMLSerializer().serializeToString(picture), width, height: height + head };
}

function save(blob, name) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 2000);
}

function pictures(root, style, svg, caption) {
  const row = html('div', 'pictures', root), said = html('span', 'note', row);
  said.setAttribute('role', 'status');
  const button = (words, act) => {
    const element = html('button', '', null, words);
    element.type = 'button';
    element.onclick = () => act().then(name => write(said, `Saved ${name}`), () => write(said, 'The picture could not be made'));
    row.insertBefore(element, said);
  };
  button('Save as PNG', async () => {
    const { picture, width, height } = pictureOf(svg(), caption(), style), image = new Image();
    image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(picture);
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: width * 2, height: height * 2 });
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    save(await new Promise((done, failed) => canvas.toBlob(blob => (blob ? done(blob) : failed()))), 'memory.png');
    return 'memory.png';
  });
  button('Save as SVG', async () => {
    save(new Blob([pictureOf(svg(), caption(), style).picture], { type: 'image/svg+xml' }), 'memory.svg');
    return 'memory.svg';
  });
}

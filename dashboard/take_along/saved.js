// A list of named links in this browser's own storage, each the place of a view and its query; opening one is an ordinary link.
const STORE = 'language model memory: scenarios';

function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(STORE) ?? '{}');
    return Object.fromEntries(Object.entries(found).filter(([, query]) => typeof query === 'string'));
  } catch {
    return {};
  }
}

export default function ({ data, parentElement }) {
  const box = parentElement.querySelector('.saved'), form = box.querySelector('form'), name = box.querySelector('input');
  const list = box.querySelector('ul'), said = box.querySelector('p');
  name.value = data.name;
  const keep = all => {
    try {
      localStorage.setItem(STORE, JSON.stringify(all));
      return true;
    } catch {
      said.textContent = 'This browser keeps nothing for this page; copy the link instead.';
      return false;
    }
  };
  // The page's own place ends in that of the view that is shown; a name without one was saved in the first view.
  const place = location.pathname.replace(/\/$/, ''), root = data.view && place.endsWith(`/${data.view}`) ? place.slice(0, -data.view.length) : `${place}/`;
  const address = saved => root + (saved.includes('?') ? saved : `?${saved}`);
  const draw = () => {
    const all = stored();
    list.replaceChildren(...Object.keys(all).sort().map(title => {
      const row = document.createElement('li'), link = document.createElement('a'), remove = document.createElement('button');
      Object.assign(link, { textContent: title, href: address(all[title]), target: '_self' });
      Object.assign(remove, { type: 'button', textContent: 'Remove' });
      remove.setAttribute('aria-label', `Remove ${title}`);
      remove.onclick = () => {
        const rest = stored();
        delete rest[title];
        if (keep(rest)) { said.textContent = `Removed ${title}`; draw(); }
      };
      row.append(link, remove);
      return row;
    }));
  };
  form.onsubmit = event => {
    event.preventDefault();
    const title = name.value.trim();
    if (!title) { said.textContent = 'Give it a name first'; return; }
    if (keep({ ...stored(), [title]: `${data.view}?${data.query}` })) { said.textContent = `Saved ${title}`; draw(); }
  };
  draw();
}

// Copies the address of this page with the whole state; where the clipboard is closed, shows it to be copied by hand.
export default function ({ parentElement }) {
  const box = parentElement.querySelector('.copy-link'), said = box.querySelector('span');
  box.querySelector('textarea')?.remove();
  said.textContent = '';
  box.querySelector('button').onclick = async () => {
    const { link: query } = document.querySelector('[data-link]').dataset;
    const link = `${location.origin}${location.pathname}?${query}`;
    box.querySelector('textarea')?.remove();
    try {
      await navigator.clipboard.writeText(link);
      said.textContent = 'Link copied';
    } catch {
      const area = Object.assign(document.createElement('textarea'), { value: link, rows: 4, readOnly: true });
      area.setAttribute('aria-label', 'Link to this page');
      box.appendChild(area);
      area.select();
      said.textContent = 'Copy it from here';
    }
  };
}

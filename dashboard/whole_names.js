// A select box shows one line, so a long name was cut off. The whole of it is handed to `page.css`, which sets it in two
// smaller lines until the box is typed into, and to the browser, which shows it under a resting pointer.
function setWhole(input) {
  const group = input.closest('[role=group]'), cut = input.scrollWidth > input.clientWidth + 1;
  if (!group || group.dataset.whole === (cut ? input.value : undefined)) return;
  if (cut) group.dataset.whole = group.title = input.value;
  else {
    delete group.dataset.whole;
    group.removeAttribute('title');
  }
}

export default function ({ parentElement }) {
  const bar = (parentElement.host ?? parentElement).closest('[data-testid=stSidebar]');
  const all = () => bar.querySelectorAll('input[role=combobox]').forEach(setWhole);
  const changed = new MutationObserver(all), resized = new ResizeObserver(all);
  changed.observe(bar, { subtree: true, childList: true, attributes: true, attributeFilter: ['value'] });
  resized.observe(bar);
  document.fonts.ready.then(all);
  all();
  return () => {
    changed.disconnect();
    resized.disconnect();
  };
}

// A GGUF file of many gigabytes says what it holds in its first megabytes: no more than those are sent.
const HEAD = 32 * 2 ** 20, BOX = '.st-key-own_gguf_file';

// The files with their heads alone; nothing where all of them are short.
function heads(files) {
  if (![...files].some(file => file.size > HEAD)) return null;
  const short = new DataTransfer();
  for (const file of files) short.items.add(new File([file.slice(0, HEAD)], file.name, { type: file.type }));
  return short;
}

export default function () {
  const chosen = event => {
    const input = event.target.matches?.(`${BOX} input[type=file]`) && event.target, short = input && heads(input.files);
    if (short) input.files = short.files;
  };
  const dropped = event => {
    const short = event.target.closest?.(BOX) && heads(event.dataTransfer?.files ?? []);
    if (!short) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.dispatchEvent(new DragEvent('drop', { dataTransfer: short, bubbles: true, cancelable: true }));
  };
  document.addEventListener('change', chosen, true);
  document.addEventListener('drop', dropped, true);
  return () => {
    document.removeEventListener('change', chosen, true);
    document.removeEventListener('drop', dropped, true);
  };
}

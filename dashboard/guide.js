// Shown until it is closed once; whether it was is known to this browser alone.
const SEEN = 'language model memory: guide seen';

function seen() {
  try {
    return localStorage.getItem(SEEN) !== null;
  } catch {
    return true;
  }
}

export default function ({ parentElement, setTriggerValue }) {
  const box = parentElement.querySelector('.guide');
  box.hidden = seen();
  box.onclick = event => {
    const act = event.target.dataset.act;
    if (!act) return;
    try {
      localStorage.setItem(SEEN, '1');
    } catch {
      // a browser that keeps nothing shows it again
    }
    box.hidden = true;
    if (act === 'story') setTriggerValue('story', true);
  };
}

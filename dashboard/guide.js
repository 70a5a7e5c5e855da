// Shown until it is closed once, or another view is opened; whether it was is known to this browser alone.
const SEEN = 'language model memory: guide seen', TO_A_VIEW = ':is([data-testid=stTopNavLink], [data-testid=stSidebarNavLink])';

function seen() {
  try {
    return localStorage.getItem(SEEN) !== null;
  } catch {
    return true;
  }
}

function close(box) {
  try {
    localStorage.setItem(SEEN, '1');
  } catch {
    // a browser that keeps nothing shows it again
  }
  box.hidden = true;
}

export default function ({ parentElement, setTriggerValue }) {
  const box = parentElement.querySelector('.guide');
  box.hidden = seen();
  document.addEventListener('click', event => event.target.closest?.(TO_A_VIEW) && close(box));
  box.onclick = event => {
    const act = event.target.dataset.act;
    if (!act) return;
    close(box);
    if (act === 'story') setTriggerValue('story', true);
  };
}

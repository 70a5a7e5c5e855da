// Says on the root of the page what its own style cannot know: whether it is light or dark, for what stands outside the
// app, such as dialogs; and how much smaller figures have to be on paper, which they are not drawn anew for.
const PAPER = 1000;

function narrowed() {
  const widest = Math.max(0, ...Array.from(document.querySelectorAll('.js-plotly-plot'), plot => plot.clientWidth));
  document.documentElement.style.setProperty('--on-paper', Math.min(1, PAPER / widest));
}

export default function () {
  const app = document.querySelector('[data-testid=stApp]');
  document.documentElement.dataset.palette = app && getComputedStyle(app).colorScheme === 'dark' ? 'dark' : 'light';
  addEventListener('beforeprint', narrowed);
}

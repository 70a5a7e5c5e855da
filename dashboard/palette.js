// Says on the root of the page whether it is light or dark: what stands outside the app, such as dialogs, can tell then.
export default function () {
  const app = document.querySelector('[data-testid=stApp]');
  document.documentElement.dataset.palette = app && getComputedStyle(app).colorScheme === 'dark' ? 'dark' : 'light';
}

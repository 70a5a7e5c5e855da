// The picture of the Plotly figure that stands above, in whichever size it is drawn.
export default function ({ data, parentElement }) {
  const row = parentElement.querySelector('.figure-buttons');
  row.replaceChildren();
  pictureButtons(row, data.name, () => {
    const plot = document.querySelector(`.st-key-${data.figure} .js-plotly-plot`), page = getComputedStyle(parentElement.host ?? parentElement);
    const own = variable => page.getPropertyValue(variable).trim();
    return framed([...plot.querySelectorAll('.main-svg')], data, {
      background: own('--st-background-color') || '#ffffff', ink: own('--st-text-color') || '#1d1f27', size: data.size,
    });
  });
}

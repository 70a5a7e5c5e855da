// The scale of the bars: it moves in whole steps and comes down late, so that bars stay comparable while they move.
const LADDER = [1, 1.5, 2, 3, 4, 6, 8];

function stepAbove(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const mantissa = LADDER.find(step => step * power >= value * 0.999999);
  return mantissa ? mantissa * power : 10 * power;
}

function scale() {
  let top = 0, unit = '';
  return (total, capacity, unitName) => {
    const size = UNITS[unitName];
    if (unit !== unitName) [top, unit] = [0, unitName];
    const within = capacity !== null && total > capacity / 8 ? capacity * 1.12 : 0;
    const needed = Math.max(total * 1.1, within, size / 1000) / size;
    if (needed > top || needed < top * 0.42) top = stepAbove(needed);
    const lead = top / 10 ** Math.floor(Math.log10(top) + 1e-9);
    const step = (top / lead) * (lead < 1.2 ? 0.2 : lead < 3.5 ? 0.5 : lead < 6.5 ? 1 : 2);
    return { top: top * size, ticks: Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step * size), step };
  };
}

const tickText = (bytes, step, unit) => step >= 1e6 && bytes ? (bytes / UNITS[unit]).toExponential(1) : fixed(bytes / UNITS[unit], step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3);

// Puts one part of the tables into the store that the drawing reads, and asks it to draw.
export default function ({ data }) {
  const live = (globalThis.memoryLive ??= { parts: {}, views: new Set() });
  live.parts[data.part] = data;
  for (const view of live.views) view();
  return () => {
    if (live.parts[data.part] === data) delete live.parts[data.part];
  };
}

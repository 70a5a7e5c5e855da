// Puts one part of the tables into the store that the drawing reads, and asks it to draw.
export default function ({ data }) {
  const live = (globalThis.memoryLive ??= { parts: {}, views: new Set() });
  const [part] = data;
  live.parts[part.part] = part;
  for (const view of live.views) view();
  return () => {
    if (live.parts[part.part] === part) delete live.parts[part.part];
  };
}

// Places for the nodes of a graph: in columns by what they are made from, without drawing anything.

export const NODE = { width: 148, height: 28 };
const GAP = { x: 64, y: 14 };

/**
 * `edges` are {from, to}: `to` is made from `from`. Answers {nodes: Map of name to {x, y}, width,
 * height}. In a circle one edge goes backwards.
 */
export function layout(edges) {
  const columns = [];
  for (const [name, depth] of depths(edges)) (columns[depth] ??= []).push(name);
  const rowOf = new Map();
  columns.forEach((column, depth) => {
    const inputs = (name) => edges.filter((edge) => edge.to === name && rowOf.has(edge.from));
    // Beside what it is made from, on average: fewer edges cross.
    const wished = new Map(
      column.map((name) => {
        const rows = inputs(name).map((edge) => rowOf.get(edge.from));
        return [name, rows.length ? rows.reduce((sum, row) => sum + row, 0) / rows.length : 0];
      }),
    );
    column.sort((a, b) => wished.get(a) - wished.get(b) || a.localeCompare(b));
    column.forEach((name, row) => rowOf.set(name, row));
    columns[depth] = column;
  });
  const highest = Math.max(1, ...columns.map((column) => column.length));
  const step = NODE.height + GAP.y;
  const nodes = new Map();
  columns.forEach((column, depth) =>
    column.forEach((name, row) =>
      nodes.set(name, {
        x: depth * (NODE.width + GAP.x),
        y: row * step + ((highest - column.length) * step) / 2,
      }),
    ),
  );
  const width = Math.max(1, columns.length) * (NODE.width + GAP.x) - GAP.x;
  return { nodes, width, height: highest * step - GAP.y };
}

/** How many steps each node is behind those without inputs, not counting what closes a circle. */
function depths(edges) {
  const names = [...new Set(edges.flatMap((edge) => [edge.from, edge.to]))].sort();
  const inputs = new Map(names.map((name) => [name, []]));
  for (const { from, to } of edges) inputs.get(to).push(from);
  const known = new Map();
  const visiting = new Set();
  function depth(name) {
    if (known.has(name)) return known.get(name);
    visiting.add(name);
    const below = inputs
      .get(name)
      .filter((input) => !visiting.has(input))
      .map(depth);
    visiting.delete(name);
    const found = Math.max(-1, ...below) + 1;
    known.set(name, found);
    return found;
  }
  for (const name of names) depth(name);
  return known;
}

/** A curve from the right side of one node to the left side of another. */
export function curve(from, to) {
  const [x1, y1] = [from.x + NODE.width, from.y + NODE.height / 2];
  const [x2, y2] = [to.x - 5, to.y + NODE.height / 2];
  const bend = Math.max(30, Math.abs(x2 - x1) / 2);
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
}

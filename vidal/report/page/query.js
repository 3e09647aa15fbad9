// The filter box: words that all must occur, "phrases", -without, field:text, and field<number with < <= > >= =.

const TERM = /(-?)(?:([\w.]+)(<=|>=|<|>|=|:))?(?:"([^"]*)"|(\S+))/g;
const TESTS = { "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b, "=": (a, b) => a === b };

function compiled(query, columns) {
  const tests = [];
  const wordy = Object.keys(columns).filter((name) => !name.startsWith("score.") && !["seconds", "layers"].includes(name));
  for (const [, not, name, operator, phrase, word] of query.matchAll(TERM)) {
    const column = columns[name] ?? columns[`score.${name}`];
    const value = (phrase ?? word).toLowerCase();
    let test;
    if (column && operator === ":") test = (row) => String(column[row] ?? "").toLowerCase().includes(value);
    else if (column && operator) test = (row) => column[row] != null && TESTS[operator](column[row], Number(value));
    else {
      const sought = name ? `${name}${operator}${value}`.toLowerCase() : value;
      test = (row) => wordy.some((one) => String(columns[one][row] ?? "").toLowerCase().includes(sought));
    }
    tests.push(not ? (row) => !test(row) : test);
  }
  return (row) => tests.every((test) => test(row));
}

function chosen(columns, query, sort, descending) {
  const passes = compiled(query, columns);
  const rows = columns.key.map((_, row) => row).filter(passes);
  if (sort !== "order") {
    const column = columns[sort];
    const sign = descending ? -1 : 1;
    const known = rows.filter((row) => column[row] != null);
    known.sort((a, b) => sign * (column[a] < column[b] ? -1 : column[a] > column[b] ? 1 : 0) || a - b);
    return [...known, ...rows.filter((row) => column[row] == null)];
  }
  return descending ? rows.reverse() : rows;
}

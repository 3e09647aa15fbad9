// The filter box: words that all must occur, "phrases", -without, field:text, field=text, and field<number with < <= > >= =.

const TERM = /(-?)(?:([\w.]+)(<=|>=|<|>|=|:))?(?:"([^"]*)"|(\S+))/g;
const TESTS = { "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b, "=": (a, b) => a === b };

function compared(found, operator, value) {
  if (found == null) return false;
  return typeof found === "string" ? operator === "=" && found.toLowerCase() === value : TESTS[operator](Number(found), Number(value));
}

function compiled(query, columns) {
  const tests = [];
  const wordy = Object.keys(columns).filter((name) => !name.startsWith("score.") && !["seconds", "layers"].includes(name));
  for (const [, not, name, operator, phrase, word] of query.matchAll(TERM)) {
    const column = [name, `score.${name}`].filter((one) => Object.hasOwn(columns, one)).map((one) => columns[one])[0];
    const value = (phrase ?? word).toLowerCase();
    let test;
    if (column && operator === ":") test = (row) => String(column[row] ?? "").toLowerCase().includes(value);
    else if (column && operator) test = (row) => compared(column[row], operator, value);
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

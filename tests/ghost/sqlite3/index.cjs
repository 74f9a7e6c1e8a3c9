// The part of the `sqlite3` package that Ghost's query builder calls, over another driver of SQLite. The package itself is
// C++ that is compiled for minutes where its prebuilt binary is not to be had; this one's binaries are packages of npm.

const Inner = require('libsql');

// As the C++ driver binds them: whole numbers as such, where this one takes every number for a fraction.
const bound = (value) => {
  if (value === undefined) return null;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (value instanceof Date) return BigInt(value.getTime());
  if (Number.isInteger(value)) return BigInt(value);
  return value;
};

// What stands in double quotes is a name, as the standard has it; the C++ driver's build lets it pass for a text too, and
// one statement of Ghost's counts on that.
const standard = (sql) => sql.replace('type = "table"', "type = 'table'");

class Database {
  constructor(filename, _flags, done) {
    let failure = null;
    try {
      this.inner = new Inner(filename);
    } catch (error) {
      failure = error;
    }
    setImmediate(done, failure);
  }

  run(sql, ...more) {
    this.#execute(sql, ...more);
  }

  all(sql, ...more) {
    this.#execute(sql, ...more);
  }

  close(done) {
    this.inner.close();
    setImmediate(done, null);
  }

  // The callback's `this` is the outcome of a statement that writes; its second argument are the rows of one that reads.
  #execute(sql, ...more) {
    const [bindings, done] = typeof more[0] === 'function' ? [[], more[0]] : [more[0] ?? [], more[1]];
    let [outcome, rows, failure] = [{}, [], null];
    try {
      const statement = this.inner.prepare(standard(sql));
      const values = bindings.map(bound);
      if (statement.reader) {
        rows = statement.all(values);
      } else {
        const { changes, lastInsertRowid } = statement.run(values);
        outcome = { changes, lastID: Number(lastInsertRowid) };
      }
    } catch (error) {
      // Ghost and its migrator tell failures apart by number and code.
      const [errno, code] = /constraint/i.test(error.message) ? [19, 'SQLITE_CONSTRAINT'] : [1, 'SQLITE_ERROR'];
      failure = Object.assign(new Error(`${code}: ${error.message}`), { errno, code });
    }
    setImmediate(() => done?.call(outcome, failure, rows));
  }
}

module.exports = { Database, OPEN_READONLY: 1, OPEN_READWRITE: 2, OPEN_CREATE: 4 };

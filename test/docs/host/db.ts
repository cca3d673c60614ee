// What the README's snippets import as `./db.ts`: the reader's database, here SQLite in a file.
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'

const sqlite = new DatabaseSync(process.env['SNIPPETS_DB'] ?? ':memory:')
sqlite.exec(`
  create table if not exists ledger (
    envelope_id text, step text, amount integer, primary key (envelope_id, step)
  );
  create table if not exists red_envelopes (order_no text primary key, status text);
  create table if not exists payouts (
    order_no text primary key, id text, created integer, status text, amount integer
  );
`)

interface Transaction {
  /** Resolves with how many rows were changed. */
  run(sql: string, values: SQLInputValue[]): Promise<number>
  all<Row extends object>(sql: string, values: SQLInputValue[]): Promise<Row[]>
}

interface Database {
  transaction(work: (tx: Transaction) => Promise<unknown>): Promise<void>
  all<Row extends object = Record<string, unknown>>(sql: string): Row[]
  close(): void
}

const tx: Transaction = {
  async run(sql, values) {
    return Number(sqlite.prepare(sql).run(...values).changes)
  },
  all: async <Row extends object>(sql: string, values: SQLInputValue[]) =>
    sqlite.prepare(sql).all(...values) as Row[],
}

export const db: Database = {
  async transaction(work) {
    sqlite.exec('begin immediate')
    try {
      await work(tx)
      sqlite.exec('commit')
    } catch (error) {
      sqlite.exec('rollback')
      throw error
    }
  },
  all: <Row extends object>(sql: string) =>
    sqlite
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }) as Row),
  close: () => sqlite.close(),
}

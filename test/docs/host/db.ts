// What the README's snippets import as `./db.ts`: the reader's Postgres. The tests start it.
import type { Pool } from 'pg'
import { openPool } from '../../servers/postgres.ts'

export const pool: Pool = openPool({ connectionString: process.env['DATABASE_URL'] })
